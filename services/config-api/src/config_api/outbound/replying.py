"""A reply: only its text is needed, all else follows from what it answers (R71, R72, R114)."""

from config_api.acting import Act
from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from config_api.aliases import repository as aliases
from config_api.aliases.tables import AliasRow
from config_api.outbound import answering, writing
from config_api.outbound.letters import Letter
from ece_common.contracts.activities import Activity, NewReply
from ece_common.errors import Conflict, Invalid


async def reply(act: Act, activity_id: int, new: NewReply) -> Activity:
    parent = await repository.get(act.session, activity_id)
    # A deleted alias too: its mail goes out by the default SMTP settings (R114).
    alias = None if parent.alias_id is None else await aliases.kept(act.session, parent.alias_id)
    if alias is None or alias.id is None:
        raise Conflict(f"activity {activity_id} belongs to no alias that could answer", code="no_alias")
    writing.require_body(new.text, new.html)
    if new.automatic:
        _refuse_loop(parent)
    letter = Letter(
        department_id=parent.department_id,
        alias_id=alias.id,
        from_address=_from(alias, parent, new.from_address),
        to=_to(parent, new),
        cc=new.cc,
        bcc=new.bcc,
        subject=new.subject if new.subject is not None else answering.subject(parent.subject),
        text=new.text,
        html=new.html,
        attachments=new.attachments,
        parent_id=parent.id,
        in_reply_to=answering.identifier(parent.message_id),
        references=answering.references(parent),
        automatic=new.automatic,
    )
    return await writing.write(act, letter)


def _refuse_loop(parent: ActivityRow) -> None:
    reason = answering.refused_to_machines(parent)
    if reason is not None:
        raise Conflict(f"activity {parent.id} gets no automatic answer: {reason} (RFC 3834)", code="mail_loop")


def _from(alias: AliasRow, parent: ActivityRow, wanted: str | None) -> str:
    if wanted is None:
        return answering.sender(alias, parent)
    allowed = answering.allowed_senders(alias)
    found = answering.among(wanted, allowed)
    if found is None:
        raise Invalid.field("from_address", f"must be an address of alias {alias.name!r}: {', '.join(allowed)}")
    return found


def _to(parent: ActivityRow, new: NewReply) -> list[str]:
    to = new.to if new.to is not None else answering.recipients(parent)
    if not to and not new.cc and not new.bcc:
        raise Invalid.field("to", "is required here: the activity has no valid Reply-To or From to answer to")
    return to
