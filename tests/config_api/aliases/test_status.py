"""The status of an alias over REST: counted once, told once, and an administrator's word wins."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import ESMTP, an_alias
from tests.config_api.process import Clock, ConfigApi
from tests.config_api.replicas import Replica

CONNECTED: dict[str, Any] = {"outcome": "connected", "condition": None, "reason": None}
INACTIVE: dict[str, Any] = {"from": "inactive"}
MANUAL: dict[str, Any] = {"condition": "manual", "reason": "authentication_failed"}


class Scene:
    """One alias, held by one replica."""

    def __init__(self, admin: httpx.AsyncClient, replica: Replica, alias_id: int) -> None:
        self.admin, self.replica, self.alias_id = admin, replica, alias_id
        self.path = f"/aliases/{alias_id}"

    async def report(self, **told: Any) -> dict[str, Any]:
        answer = await self.replica.report(self.alias_id, **told)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def fail(self, times: int = 3, **told: Any) -> dict[str, Any]:
        return [await self.report(**told) for _ in range(times)][-1]

    async def alias(self) -> dict[str, Any]:
        return (await self.admin.get(self.path)).json()

    async def set(self, **changes: Any) -> dict[str, Any]:
        return (await self.admin.patch(self.path, json=changes)).json()

    async def history(self) -> list[dict[str, Any]]:
        return (await self.admin.get(f"{self.path}/status-transitions")).json()["items"]


@pytest.fixture
async def scene(config_api: ConfigApi) -> Scene:
    alias = await an_alias(
        config_api.admin, retriever_instance="default", incoming={"password": "hunter2"}, outgoing=ESMTP
    )
    replica = Replica(config_api.worker)
    await replica.beat()
    return Scene(config_api.admin, replica, alias["id"])


@pytest.mark.rule(121, 122, 123, 124)
async def test_the_third_failure_makes_it_inactive_for_ten_minutes(scene: Scene) -> None:
    for count in (1, 2):
        answer = await scene.report()
        assert (answer["status"], answer["failed_attempts"], answer["transition"]) == ("active", count, None)
        assert answer["next_attempt_at"] == "2030-01-01T12:00:30Z"
    last = await scene.report(detail="Connection reset by peer")
    assert (last["status"], last["recoverable"], last["next_attempt_at"]) == (
        "inactive",
        True,
        "2030-01-01T12:10:00Z",
    )

    alias = await scene.alias()
    assert (alias["status"], alias["status_changed_by"], alias["retry_at"]) == (
        "inactive", "system", "2030-01-01T12:10:00Z",
    )  # fmt: skip
    assert (alias["status_reason"], alias["failed_attempts"]) == ("network_problem", 3)
    (row,) = await scene.history()
    assert row == last["transition"]
    expected = {"from": "active", "to": "inactive", "reason": "network_problem", "changed_by": "system",
                "detail": "Connection reset by peer", "attempts": 3, "at": "2030-01-01T12:00:00Z"}  # fmt: skip
    assert expected.items() <= row.items()
    assert row["epoch"] == scene.replica.epochs[scene.alias_id]


@pytest.mark.rule(125, 126)
async def test_it_is_active_again_when_the_later_attempt_connects(scene: Scene, clock: Clock) -> None:
    await scene.fail()
    clock.advance(minutes=10)
    answer = await scene.report(**INACTIVE, **CONNECTED)
    assert (answer["status"], answer["failed_attempts"], answer["next_attempt_at"]) == ("active", 0, None)
    alias = await scene.alias()
    assert (alias["status_changed_by"], alias["status_reason"], alias["retry_at"]) == ("system", None, None)
    assert [(row["from"], row["to"]) for row in await scene.history()] == [
        ("active", "inactive"), ("inactive", "active"),
    ]  # fmt: skip


@pytest.mark.rule(129, 131, 132)
async def test_after_a_manual_condition_only_an_administrator_helps(scene: Scene) -> None:
    await scene.fail(**MANUAL)
    assert (await scene.alias())["retry_at"] is None
    assert (await scene.report(**INACTIVE, **CONNECTED))["status"] == "inactive"
    after = await scene.set(status="active")
    assert (after["status"], after["status_changed_by"], after["failed_attempts"], after["status_reason"]) == (
        "active", "administrator", 0, None,
    )  # fmt: skip
    assert (await scene.report(**CONNECTED))["status"] == "active"


@pytest.mark.rule(119)
async def test_a_report_under_way_does_not_undo_an_administrators_decision(scene: Scene) -> None:
    await scene.fail()
    await scene.set(status="inactive")
    crossed = await scene.report(**INACTIVE, **CONNECTED)
    assert (crossed["status"], crossed["status_changed_by"]) == ("inactive", "administrator")
    assert [row["changed_by"] for row in await scene.history()] == ["system", "administrator"]


async def test_a_report_on_what_was_the_status_before_counts_nothing(scene: Scene) -> None:
    await scene.set(status="inactive")
    assert (await scene.fail())["failed_attempts"] == 0
    await scene.set(status="active")
    assert (await scene.report(**INACTIVE))["failed_attempts"] == 0


async def test_a_repeated_report_counts_once(scene: Scene) -> None:
    answers = [await scene.report(attempt_id="the-same-attempt") for _ in range(5)]
    answer = answers[-1]
    assert (answer["status"], answer["failed_attempts"]) == ("active", 1)


async def test_reports_at_the_same_moment_are_counted_one_by_one_and_told_once(
    scene: Scene, sql: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(*(scene.report() for _ in range(6)))
    assert sorted(answer["failed_attempts"] for answer in answers)[:3] == [1, 2, 3]
    assert len([answer for answer in answers if answer["transition"]]) == 1
    assert await sql.fetchval("SELECT count(*) FROM events WHERE type = 'alias.status_changed'") == 1


async def test_the_count_survives_a_hand_over(scene: Scene, config_api: ConfigApi) -> None:
    await scene.fail(times=2)
    other = Replica(config_api.worker, "two")
    await scene.replica.beat(leaving=True)
    await other.beat()
    assigned = (await other.assigned())[scene.alias_id]
    assert assigned["failed_attempts"] == 2
    assert (await other.report(scene.alias_id)).json()["status"] == "inactive"


async def test_a_recoverable_inactive_alias_stays_assigned_with_its_time(scene: Scene) -> None:
    await scene.fail()
    assigned = (await scene.replica.assigned())[scene.alias_id]
    assert (assigned["status"], assigned["recoverable"], assigned["next_attempt_at"]) == (
        "inactive", True, "2030-01-01T12:10:00Z",
    )  # fmt: skip


@pytest.mark.rule(67, 120)
async def test_the_system_may_make_the_default_alias_inactive(scene: Scene) -> None:
    await scene.set(default_alias=True)
    assert (await scene.fail())["status"] == "inactive"
    alias = await scene.set(description="still changeable")
    assert (alias["default_alias"], alias["description"]) == (True, "still changeable")


async def test_each_change_is_one_event_without_secrets(scene: Scene, sql: asyncpg.Connection) -> None:
    await scene.fail(times=2)
    await scene.report(detail="LOGIN support hunter2 refused\x00 outgoing secret")
    await scene.report(**INACTIVE)
    (row,) = await sql.fetch("SELECT subject, data FROM events WHERE type = 'alias.status_changed'")
    data = json.loads(row["data"])
    assert row["subject"] == f"alias/{scene.alias_id}"
    assert (data["from"], data["to"], data["recoverable"]) == ("active", "inactive", True)
    assert data["detail"] == "LOGIN support *** refused\ufffd ***"


async def test_only_an_administrators_change_is_in_the_audit_log(scene: Scene, sql: asyncpg.Connection) -> None:
    await scene.fail()
    await scene.set(status="active")
    rows = await sql.fetch("SELECT principal FROM audit_log WHERE action = 'alias.status_changed'")
    assert [row["principal"] for row in rows] == ["bootstrap"]


async def test_attempts_and_pauses_follow_the_settings(scene: Scene) -> None:
    await scene.admin.patch("/settings", json={"connection_attempts": 1, "retry_after_seconds": 60})
    answer = await scene.report()
    assert (answer["status"], answer["next_attempt_at"]) == ("inactive", "2030-01-01T12:01:00Z")


async def test_a_success_of_a_healthy_alias_writes_nothing(scene: Scene, sql: asyncpg.Connection) -> None:
    before = await sql.fetchval("SELECT xmin::text FROM aliases")
    await scene.report(**CONNECTED)
    assert await sql.fetchval("SELECT xmin::text FROM aliases") == before


MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"condition": None}, "condition"),
    ({"outcome": "maybe"}, "outcome"),
    ({"reason": "bad luck"}, "reason"),
    ({"epoch": 2**63}, "epoch"),
    ({"attempt_id": "short"}, "attempt_id"),
    ({"attempt_id": "with\x00nul-in-it"}, "attempt_id"),
    ({"from": "asleep"}, "from"),
    ({"detail": "x" * 1001}, "detail"),
]


async def test_a_malformed_report_is_refused_by_name(scene: Scene) -> None:
    for told, field in MALFORMED:
        refused = await scene.replica.report(scene.alias_id, **told)
        assert refused.status_code == 422
        assert [one["field"] for one in refused.json()["errors"]] == [field]


async def test_only_workers_report(scene: Scene, config_api: ConfigApi) -> None:
    as_admin = Replica(config_api.admin, epochs=dict(scene.replica.epochs))
    assert (await as_admin.report(scene.alias_id)).status_code == 403
    assert (await scene.replica.report(4711)).status_code == 404
