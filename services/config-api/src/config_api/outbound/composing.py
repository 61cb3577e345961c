"""A new message of a department: From is its default alias unless another of its addresses is chosen (R64)."""

from sqlmodel import col, func, select

from config_api.acting import Act
from config_api.aliases import repository as aliases
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from config_api.outbound import answering, writing
from config_api.outbound.letters import Letter
from ece_common.contracts.activities import Activity, NewMessage
from ece_common.errors import Conflict, Invalid


async def compose(act: Act, department_id: int, new: NewMessage) -> Activity:
    await departments.get(act.session, department_id)
    writing.require_body(new.text, new.html)
    alias, from_address = await _sender(act, department_id, new.from_address)
    assert alias.id is not None
    letter = Letter(
        department_id=department_id,
        alias_id=alias.id,
        from_address=from_address,
        to=new.to,
        cc=new.cc,
        bcc=new.bcc,
        subject=new.subject,
        text=new.text,
        html=new.html,
        attachments=new.attachments,
    )
    return await writing.write(act, letter)


async def _sender(act: Act, department_id: int, wanted: str | None) -> tuple[AliasRow, str]:
    if wanted is None:
        alias = await aliases.default_of(act.session, department_id)
        if alias is None:
            raise Conflict(
                f"department {department_id} has no default alias: set `default_alias` on one of its aliases, or "
                "choose a `from_address`",
                code="no_default_alias",
            )
        return alias, alias.email_address
    for alias in await _candidates(act, department_id, wanted):
        found = answering.among(wanted, answering.allowed_senders(alias))
        if found is not None:
            return alias, found
    raise Invalid.field("from_address", f"must be an address of an alias of department {department_id}")


async def _candidates(act: Act, department_id: int, wanted: str) -> list[AliasRow]:
    own = col(AliasRow.email_key) == wanted.casefold()
    redirected = func.cardinality(col(AliasRow.redirection_email_addresses)) > 0
    query = (
        select(AliasRow)
        .where(AliasRow.department_id == department_id, col(AliasRow.deleted_at).is_(None), own | redirected)
        .order_by(own.desc(), col(AliasRow.id))
    )
    return list((await act.session.exec(query)).all())
