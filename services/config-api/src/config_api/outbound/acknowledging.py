"""Automatic answers that a workflow asks for: to people only, and not without end (RFC 3834)."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import text

from config_api.acting import Act
from config_api.activities import repository
from config_api.activities.tables import ActivityRow
from config_api.aliases import repository as aliases
from config_api.aliases.tables import AliasRow
from config_api.database import run
from config_api.outbound import answering, writing
from config_api.outbound.addressing import key
from config_api.outbound.letters import Letter
from config_api.references import Acknowledgement
from ece_common.contracts.workflows import PLACEHOLDER
from ece_common.errors import EceError

log = structlog.get_logger()

_NOT_ON_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_MACHINES = re.compile(
    r"(?:mailer-daemon|postmaster|(?:.*[-_.+])?(?:no|do-?not)[-_.]?reply(?:[-_.+].*)?|owner-.*|bounces?(?:[-_.+=].*)?"
    r"|.*-(?:request|bounces?)(?:[+=].*)?)$",
    re.IGNORECASE,
)
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})
_LONGEST_SUBJECT = 900
_COUNT = text("""
    INSERT INTO acknowledgements (department_id, address, day, count) VALUES (:department_id, :address, :day, 1)
    ON CONFLICT (department_id, address, day) DO UPDATE SET count = acknowledgements.count + 1
    WHERE acknowledgements.count < :at_most RETURNING count
""")
_FORGET = text("DELETE FROM acknowledgements WHERE day < :day")


def refused(parent: ActivityRow) -> str | None:
    """Why no automatic answer may go out to this mail, as far as it can be told by the mail alone; or None."""
    reason = answering.refused_to_machines(parent)
    if reason is not None:
        return reason
    fields = {one["name"].casefold(): one["value"].strip().casefold() for one in parent.headers}
    if fields.get("return-path") == "<>":
        return "its envelope sender is empty"
    if fields.get("precedence") in _BULK or "list-id" in fields or "list-unsubscribe" in fields:
        return "it came through a mailing list or in bulk"
    if "x-auto-response-suppress" in fields and fields["x-auto-response-suppress"] != "none":
        return "its sender wants no automatic answers"
    if _MACHINES.match(answering.recipients(parent)[0].rpartition("@")[0]):
        return "it comes from an address that nobody reads"
    return None


async def acknowledge(act: Act, wanted: Sequence[Acknowledgement]) -> None:
    """In the transaction that stores the mails. What cannot be answered is stored all the same."""
    found = [(await repository.get(act.session, one.activity_id), one) for one in wanted]
    answerable = [(answering.recipients(row)[0], row, one) for row, one in found if refused(row) is None]
    # In one order everywhere: batches of the same senders wait for each other's counts.
    for address, row, one in sorted(answerable, key=lambda each: (each[0], each[2].activity_id)):
        try:
            await _answer(act, row, address, one)
        except EceError as problem:
            log.warning("acknowledgement.not_written", activity_id=row.id, problem=type(problem).__name__)


async def _answer(act: Act, parent: ActivityRow, address: str, one: Acknowledgement) -> None:
    alias = None if parent.alias_id is None else await aliases.kept(act.session, parent.alias_id)
    if alias is None or await ours(act, address) or not await _counted(act, parent, address, one):
        return
    async with act.session.begin_nested():
        await writing.write(act, _letter(parent, alias, address, one))


async def ours(act: Act, address: str) -> bool:
    """Whether mail to this address would come back to us."""
    return await aliases.receiving(act.session, address)


async def _counted(act: Act, parent: ActivityRow, address: str, one: Acknowledgement) -> bool:
    values = {
        "department_id": parent.department_id,
        "address": key(address).casefold(),
        "day": act.now.date(),
        "at_most": one.answer.at_most_per_day,
    }
    return (await run(act.session, _COUNT, values)).first() is not None


def _letter(parent: ActivityRow, alias: AliasRow, address: str, one: Acknowledgement) -> Letter:
    sender = answering.sender(alias, parent)
    values = {
        "subject": parent.subject,
        "from": parent.from_ or "",
        "from_name": parent.from_name or parent.from_ or "",
        "alias": sender,
        "activity_id": str(parent.id),
        "received_at": parent.received_at.isoformat() if parent.received_at else "",
    }
    subject = _NOT_ON_ONE_LINE.sub(" ", filled(one.answer.subject, values)).strip()[:_LONGEST_SUBJECT]
    return Letter(
        department_id=parent.department_id,
        alias_id=alias.id,
        from_address=sender,
        to=[address],
        cc=[],
        bcc=[],
        subject=subject,
        text=filled(one.answer.text, values),
        html=None,
        parent_id=parent.id,
        in_reply_to=answering.identifier(parent.message_id),
        references=answering.references(parent),
        automatic=True,
    )


def filled(template: str, values: Mapping[str, str]) -> str:
    """What strangers wrote is put in as it is and not looked at again."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], ""), template)


async def forget(act: Act) -> None:
    """Counts of past days."""
    await run(act.session, _FORGET, {"day": act.now.date() - timedelta(days=2)})
