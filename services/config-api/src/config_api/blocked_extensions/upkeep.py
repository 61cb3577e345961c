"""What may happen to a blocked file extension: made, changed, deleted; workers hear of it at once (R214, R216)."""

from collections.abc import Mapping

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.blocked_extensions import repository
from config_api.blocked_extensions.tables import BlockedExtensionRow as Row
from config_api.departments import repository as departments
from ece_common.contracts.blocked_extensions import BlockedExtensionChange, NewBlockedExtension
from ece_common.errors import Conflict

MAXIMUM = 1000
"""For one department."""


async def create(act: Act, department_id: int, new: NewBlockedExtension) -> Row:
    # Held, so that two requests cannot both find the extension free.
    await departments.get(act.session, department_id, lock=True)
    if await repository.count(act.session, department_id) >= MAXIMUM:
        raise Conflict(f"a department has {MAXIMUM} blocked file extensions at most", code="too_many")
    row = Row(department_id=department_id, **new.model_dump())
    await _refuse_taken(act, row)
    act.session.add(row)
    await act.session.flush()
    await act.session.refresh(row)
    await _tell(act, row, "created", new.model_dump())
    return row


async def change(act: Act, identity: int, wanted: BlockedExtensionChange, if_match: str | None) -> Row:
    found = await repository.get(act.session, identity)
    await departments.get(act.session, found.department_id, lock=True)
    row = await repository.get(act.session, identity, lock=True)
    preconditions.require(if_match, row.version)
    told = merge_patch.apply(row, wanted.model_dump(exclude_unset=True), act.now)
    if not told:
        return row
    with act.session.no_autoflush:
        await _refuse_taken(act, row)
    act.session.add(row)
    await _tell(act, row, "changed", told)
    return row


async def delete(act: Act, identity: int, if_match: str | None) -> None:
    row = await repository.get(act.session, identity, lock=True)
    preconditions.require(if_match, row.version)
    await act.session.delete(row)
    await _tell(act, row, "deleted", {"blocked_file_extension": row.blocked_file_extension})


async def _refuse_taken(act: Act, row: Row) -> None:
    taken = await repository.like(act.session, row.department_id, row.blocked_file_extension)
    if taken is not None and taken.id != row.id:
        raise Conflict(
            f"blocked_file_extension: {row.blocked_file_extension} is blocked in this department already "
            f"(id {taken.id}, {taken.name!r})",
            code="extension_taken",
        )


async def _tell(act: Act, row: Row, what: str, told: Mapping[str, object]) -> None:
    kind, subject = f"blocked_file_extension.{what}", f"blocked_file_extension/{row.id}"
    act.audit(kind, subject, told, department_id=row.department_id)
    extension = {"blocked_file_extension": row.blocked_file_extension}
    act.event(kind, subject, extension, department_id=row.department_id)
    for follow in act.hooks.policy_followers:
        await follow(act.session)
