"""The 127 that every department begins with, present and future (R18, R253, R265 to R267)."""

from sqlalchemy import text
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk, database
from config_api.delivery_exceptions.tables import DeliveryExceptionRow, WithdrawnRow
from ece_common.policies.folding import fold
from ece_common.policies.predefined import PredefinedException, delivery_exceptions

_LOCK = 238
"""Of Postgres's advisory locks: a department in the making and a withdrawal wait for each other."""


def key(one: PredefinedException) -> str:
    return f"{one.type}:{one.phrase}"


async def give(session: AsyncSession, department_id: int) -> None:
    """Follows the creation of a department."""
    await database.run(session, text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})
    withdrawn = set((await session.exec(select(WithdrawnRow.predefined))).all())
    rows = await bulk.of(session)
    await rows.copy(
        "delivery_exceptions",
        ("department_id", "name", "type", "phrase", "phrase_key", "failure", "predefined"),
        [
            (department_id, one.phrase, one.type, one.phrase, fold(one.phrase), one.failure, key(one))
            for one in delivery_exceptions()
            if key(one) not in withdrawn
        ],
    )


async def withdraw(session: AsyncSession, predefined: str) -> int:
    """From all departments, present and future (R261). From how many."""
    await database.run(session, text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    note = text("INSERT INTO withdrawn_delivery_exceptions (predefined) VALUES (:key) ON CONFLICT DO NOTHING")
    await database.run(session, note, {"key": predefined})
    gone = delete(DeliveryExceptionRow).where(col(DeliveryExceptionRow.predefined) == predefined)
    return (await session.exec(gone)).rowcount


async def take_back(session: AsyncSession, department_id: int) -> None:
    """The department goes."""
    await session.exec(delete(DeliveryExceptionRow).where(col(DeliveryExceptionRow.department_id) == department_id))
