"""The alarm of the exception queue: what waits there is told on a schedule, once, in the feed and by mail."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from config_api.notifications.telling import Teller
from config_api.routing.alarms import ExceptionAlarm
from tests.config_api.mail_in import a_mail, a_mailbox
from tests.config_api.process import Clock, ConfigApi, running
from tests.config_api.waiting import until


@pytest.fixture
async def config_api(database: str, clock: Clock) -> AsyncIterator[ConfigApi]:
    """Its own alarm is due in a week: the tests' is the only one."""
    async with running(database, clock, exception_alarm_seconds=7 * 86400) as service:
        yield service


@pytest.fixture
async def alarm(config_api: ConfigApi, clock: Clock) -> ExceptionAlarm:
    """Begun when nothing waits yet."""
    alarm = ExceptionAlarm(config_api.app.state.sessions, clock, every=3600)
    assert await alarm.look() == 0
    return alarm


async def _one_waits(config_api: ConfigApi) -> tuple[int, int]:
    """Its activity's id and the exception queue's."""
    mailbox = await a_mailbox(config_api.admin, config_api.worker)
    activity_id = await mailbox.activity_of(a_mail())
    await mailbox.activity_of(a_mail())
    listed = await config_api.admin.get(f"/departments/{mailbox.alias['department_id']}/queues")
    queue_id = next(queue["id"] for queue in listed.json()["items"] if queue["is_exception"])
    moved = await config_api.admin.patch(f"/activities/{activity_id}", json={"queue_id": queue_id})
    assert moved.status_code == 200, moved.text
    return activity_id, queue_id


async def _told(admin: httpx.AsyncClient) -> list[dict[str, Any]]:
    events = (await admin.get("/events", params={"limit": 500})).json()["items"]
    return [one for one in events if one["type"] == "queue.exception_waiting"]


@pytest.mark.rule(245, 246)
async def test_what_waits_is_told_once_in_an_interval_whoever_looks(
    config_api: ConfigApi, clock: Clock, alarm: ExceptionAlarm
) -> None:
    _, queue_id = await _one_waits(config_api)
    assert await alarm.look() == 0
    clock.advance(seconds=3601)
    assert sum(await asyncio.gather(*(alarm.look() for _ in range(4)))) == 1
    (event,) = await _told(config_api.admin)
    assert (event["subject"], event["data"]["waiting"]) == (f"queue/{queue_id}", 1)
    clock.advance(seconds=3601)
    assert await alarm.look() == 1
    assert len(await _told(config_api.admin)) == 2


async def test_what_was_completed_is_told_no_more(config_api: ConfigApi, clock: Clock, alarm: ExceptionAlarm) -> None:
    activity_id, _ = await _one_waits(config_api)
    await config_api.admin.patch(f"/activities/{activity_id}", json={"status": "completed"})
    clock.advance(seconds=3601)
    assert await alarm.look() == 0
    assert await _told(config_api.admin) == []


async def test_an_administrator_is_told_by_mail(config_api: ConfigApi, clock: Clock, alarm: ExceptionAlarm) -> None:
    state, admin = config_api.app.state, config_api.admin
    teller = Teller(state.sessions, state.hooks, state.vault, clock)
    await teller.tell()
    addresses = {"notification_to_address": "boss@shop.test", "notification_from_address": "gateway@shop.test"}
    assert (await admin.patch("/settings", json=addresses)).status_code == 200
    await _one_waits(config_api)
    clock.advance(seconds=3601)
    await alarm.look()

    async def mails() -> list[dict[str, Any]]:
        return (await admin.get("/activities", params={"direction": "outbound"})).json()["items"]

    async def looked() -> bool:
        await teller.tell()
        return len(await mails()) == 1

    await until(looked)
    (mail,) = await mails()
    assert "1 activities wait in the exception queue" in mail["subject"]
    assert mail["to"] == ["boss@shop.test"]
