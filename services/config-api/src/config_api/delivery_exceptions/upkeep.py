"""What may happen to a delivery exception: made, changed, deleted (of a predefined one: everywhere)."""

from sqlalchemy import func
from sqlmodel import col, select

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.delivery_exceptions import predefined, repository
from config_api.delivery_exceptions.tables import DeliveryExceptionRow as Row
from config_api.departments import repository as departments
from ece_common.contracts.delivery_exceptions import DeliveryExceptionChange, NewDeliveryException
from ece_common.contracts.policies import MAXIMUM_PHRASES
from ece_common.errors import Conflict
from ece_common.policies.folding import fold


async def create(act: Act, department_id: int, new: NewDeliveryException) -> Row:
    # Held, so that two requests cannot both find the phrase free.
    await departments.get(act.session, department_id, lock=True)
    await _refuse_too_many(act, department_id)
    row = Row(department_id=department_id, phrase_key=fold(new.phrase), **new.model_dump())
    await _refuse_taken(act, row)
    act.session.add(row)
    await act.session.flush()
    await act.session.refresh(row)
    act.audit("delivery_exception.created", _subject(row), new.model_dump(), department_id=department_id)
    await _tell(act, row, "created", {"phrase": row.phrase})
    return row


async def change(act: Act, identity: int, wanted: DeliveryExceptionChange, if_match: str | None) -> Row:
    found = await repository.get(act.session, identity)
    await departments.get(act.session, found.department_id, lock=True)
    row = await repository.get(act.session, identity, lock=True)
    preconditions.require(if_match, row.version)
    told = merge_patch.apply(row, wanted.model_dump(exclude_unset=True), act.now)
    if not told:
        return row
    row.phrase_key = fold(row.phrase)
    with act.session.no_autoflush:
        await _refuse_taken(act, row)
    act.session.add(row)
    act.audit("delivery_exception.changed", _subject(row), told, department_id=row.department_id)
    await _tell(act, row, "changed", {"fields": list(told)})
    return row


async def delete(act: Act, identity: int, if_match: str | None) -> None:
    """Raise `NotFound`. R261: a system-provided one goes from all departments. R262: another only from its own."""
    row = await repository.get(act.session, identity, lock=True)
    preconditions.require(if_match, row.version)
    whose = row.department_id if row.predefined is None else None
    told: dict[str, object] = {"type": row.type, "phrase": row.phrase, "system_provided": row.system_provided}
    if row.predefined is None:
        await act.session.delete(row)
    else:
        told["departments"] = await predefined.withdraw(act.session, row.predefined)
    act.audit("delivery_exception.deleted", _subject(row), told, department_id=whose)
    act.event("delivery_exception.deleted", _subject(row), told, department_id=whose)
    await _spread(act)


async def _refuse_taken(act: Act, row: Row) -> None:
    """Two phrases that match the same mails would only hide each other."""
    taken = await repository.like(act.session, row.department_id, row.type, row.phrase_key)
    if taken is not None and taken.id != row.id:
        raise Conflict(
            f"phrase: delivery exception {taken.id} of this department looks for {taken.phrase!r} already, which "
            "matches the same mails",
            code="phrase_taken",
        )


async def _refuse_too_many(act: Act, department_id: int) -> None:
    count = select(func.count()).select_from(Row).where(col(Row.department_id) == department_id)
    if (await act.session.exec(count)).one() >= MAXIMUM_PHRASES:
        raise Conflict(f"a department has {MAXIMUM_PHRASES} delivery exceptions at most", code="too_many")


def _subject(row: Row) -> str:
    return f"delivery_exception/{row.id}"


async def _tell(act: Act, row: Row, what: str, data: dict[str, object]) -> None:
    act.event(f"delivery_exception.{what}", _subject(row), data, department_id=row.department_id)
    await _spread(act)


async def _spread(act: Act) -> None:
    """R260, R264 without the restart: retrievers hear of it at once."""
    for follow in act.hooks.policy_followers:
        await follow(act.session)
