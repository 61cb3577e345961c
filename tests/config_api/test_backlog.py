"""What Prometheus is told about waiting mail and mailboxes that stand still."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.activities.tables import ActivityRow
from config_api.aliases.tables import AliasRow
from config_api.backlog import CONDITIONS, WAITING, Backlog
from config_api.database import create_engine, create_sessions
from config_api.departments.tables import DepartmentRow
from config_api.instances.tables import InstanceRow, LeaseRow, MembershipRow, ReplicaRow
from config_api.outbound.tables import DeliveryRow

RUBBISH = b"sealed with a key that is gone"


def _opens(sealed: bytes) -> bool:
    return sealed != RUBBISH


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    made = create_engine(database.replace("postgresql://", "postgresql+asyncpg://"), connections=2)
    yield made
    await made.dispose()


def alias_row(name: str, department_id: int, standing: dict[str, Any]) -> AliasRow:
    server: dict[str, Any] = {
        "server_type": "IMAP",
        "server_name": "mail.test",
        "user_name": "u",
        "use_ssl": True,
        "tls": {},
    }
    address = f"{name}@shop.test"
    return AliasRow(
        name=name,
        email_address=address,
        email_key=address,
        department_id=department_id,
        status_changed_at=datetime.now(UTC),
        **standing,
        **{f"{side}_{field}": value for side in ("incoming", "outgoing") for field, value in server.items()},
        incoming_folder="inbox",
    )


async def stored(session: AsyncSession, row: SQLModel) -> int:
    session.add(row)
    await session.flush()
    made = getattr(row, "id", None)
    return int(made or 0)


def an_outbound_activity(department_id: int) -> ActivityRow:
    return ActivityRow(department_id=department_id, direction="outbound", subtype="email", status="completed")


async def an_alias(session: AsyncSession, name: str, **standing: Any) -> int:
    """In a department of its own."""
    return await stored(session, alias_row(name, await stored(session, DepartmentRow(name=name)), standing))


async def held_by_a_replica(session: AsyncSession, alias_id: int, *, seconds: int) -> None:
    """For so many seconds from now; below zero: the replica is gone."""
    now = datetime.now(UTC)
    instance = await stored(session, InstanceRow(kind="retriever", name=f"instance-{alias_id}"))
    await stored(session, MembershipRow(instance_id=instance, alias_id=alias_id, kind="retriever"))
    replica = ReplicaRow(
        instance_id=instance,
        name="r",
        incarnation="x",
        started_at=now,
        last_beat_at=now,
        expires_at=now + timedelta(seconds=seconds),
    )
    await stored(session, replica)
    await stored(session, LeaseRow(alias_id=alias_id, instance_id=instance, replica="r"))


async def measured(engine: AsyncEngine) -> dict[str, float]:
    registry = CollectorRegistry()
    await Backlog(engine, registry, _opens).measure()
    found = {c: registry.get_sample_value("ece_config_api_aliases", {"condition": c}) for c in CONDITIONS}
    found["longest_wait"] = registry.get_sample_value("ece_config_api_outbound_longest_wait_seconds")
    return {name: value for name, value in found.items() if value is not None}


async def test_an_empty_installation_has_nothing_waiting(engine: AsyncEngine) -> None:
    assert await measured(engine) == dict.fromkeys([*CONDITIONS, "longest_wait"], 0.0)


async def test_every_alias_is_counted_under_the_one_condition_it_is_in(engine: AsyncEngine) -> None:
    async with create_sessions(engine)() as session, session.begin():
        await held_by_a_replica(session, await an_alias(session, "held"), seconds=15)
        await held_by_a_replica(session, await an_alias(session, "lost"), seconds=-1)
        sealed = await an_alias(session, "sealed", incoming_password=RUBBISH)
        await held_by_a_replica(session, sealed, seconds=15)
        await an_alias(session, "nobodys")
        await an_alias(session, "off", status="inactive", status_changed_by="administrator")
        await an_alias(session, "broken", status="inactive", status_changed_by="system")
        await an_alias(session, "retrying", status="inactive", status_changed_by="system", recoverable=True)

    found = await measured(engine)

    assert [found[condition] for condition in CONDITIONS] == [1.0] * len(CONDITIONS)


async def test_a_secret_is_tried_once_and_again_when_it_was_written_anew(engine: AsyncEngine) -> None:
    tried: list[bytes] = []

    def opens(sealed: bytes) -> bool:
        tried.append(sealed)
        return _opens(sealed)

    sessions, registry = create_sessions(engine), CollectorRegistry()
    async with sessions() as session, session.begin():
        fine = await an_alias(session, "fine", incoming_password=b"fine")
        await held_by_a_replica(session, fine, seconds=15)
        broken = await an_alias(session, "broken", incoming_password=RUBBISH, status="inactive",
                                status_changed_by="system", recoverable=True)  # fmt: skip
        await held_by_a_replica(session, broken, seconds=15)
    backlog = Backlog(engine, registry, opens)

    async def counted() -> tuple[float | None, ...]:
        await backlog.measure()
        found = ("working", "unreadable", "recovering")
        return tuple(registry.get_sample_value("ece_config_api_aliases", {"condition": one}) for one in found)

    assert [await counted() for _ in range(2)] == [(1, 1, 0)] * 2
    assert sorted(tried) == [b"fine", RUBBISH]
    async with sessions() as session, session.begin():
        row = await session.get(AliasRow, broken)
        assert row is not None
        row.incoming_password = b"given anew"
    assert await counted() == (1, 0, 1)
    assert sorted(tried) == [b"fine", b"given anew", RUBBISH]


async def test_outbound_messages_are_counted_by_what_they_wait_for(engine: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with create_sessions(engine)() as session, session.begin():
        department = await stored(session, DepartmentRow(name="Service"))
        for status in ("queued", "queued", "sending", "uncertain", "sent"):
            activity = await stored(session, an_outbound_activity(department))
            await stored(
                session,
                DeliveryRow(activity_id=activity, status=status, available_at=now, give_up_at=now, alias_id=None),
            )
    registry = CollectorRegistry()
    await Backlog(engine, registry, _opens).measure()
    found = {s: registry.get_sample_value("ece_config_api_outbound_messages", {"status": s}) for s in WAITING}
    assert found == {"queued": 2, "sending": 1, "uncertain": 1}
