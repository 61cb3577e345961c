"""What may exist only once: an address in the partition, a name in a department, a default alias in a department."""

from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.acting import Act
from config_api.aliases import repository
from config_api.aliases.draft import Draft
from config_api.aliases.tables import AliasRow
from ece_common.contracts.base import Reference
from ece_common.errors import Conflict


def _taken(row: AliasRow, field: str, why: str) -> Conflict:
    assert row.id is not None
    reference = Reference(type="alias", id=row.id, name=row.name)
    return Conflict(f"{field}: {why}", code=f"{field}_taken", references=[reference])


async def refuse_taken(act: Act, department_id: int, draft: Draft, own_id: int | None) -> None:
    """Raise `Conflict` that refers to whoever has the address or the name already."""
    found = await repository.by_address(act.session, draft.email_address)
    if found is not None and not act.caller.reach.covers(found.department_id):
        # Whose it is and what it is called is not for this token.
        raise Conflict(
            "email_address: an alias of another department has it already; its mail would arrive twice",
            code="email_address_taken",
        )
    if found is not None and found.id != own_id:
        raise _taken(found, "email_address", f"alias {found.name!r} has it already; its mail would arrive twice")
    found = await repository.by_name(act.session, department_id, draft.name)
    if found is not None and found.id != own_id:
        raise _taken(found, "name", f"an alias of this department is called {draft.name!r} already")


async def flush(session: AsyncSession) -> None:
    """Write what is pending. Whoever is first wins, also when two look at the same moment."""
    try:
        await session.flush()
    except IntegrityError as problem:
        said = str(problem.orig)
        for index, field in (("aliases_address", "email_address"), ("aliases_name", "name")):
            if f'"{index}"' in said:
                raise Conflict(f"{field}: another alias took it just now", code=f"{field}_taken") from None
        if '"aliases_one_default"' in said:
            raise Conflict("another alias became the default alias just now", code="default_alias") from None
        raise
