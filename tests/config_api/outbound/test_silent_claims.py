"""A dispatcher that died says nothing: its claims end by themselves, and whoever waits for work hears of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from config_api.outbound import sweeping
from config_api.outbound.sweeping import Sweeper
from tests.config_api.mail_in import a_mail, a_mailbox
from tests.config_api.outbound.conftest import Dispatcher, a_reply, events_of, judged, outcome, the_delivery
from tests.config_api.process import Clock, ConfigApi, running
from tests.config_api.waiting import until

# Who is woken is answered after a second or two; who is not, when the poll ends by itself.
LONG_POLL, BEFORE_THE_POLL_ENDS = 30, 25


@dataclass
class RealClock(Clock):
    """Goes on by itself, as that of a service in use."""

    begun: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return self.moment + timedelta(seconds=time.monotonic() - self.begun)


@dataclass
class SteppingClock(Clock):
    """Goes on by a second whenever it is asked: whatever lies between two questions is in the past at the second."""

    def __call__(self) -> datetime:
        self.advance(seconds=1)
        return self.moment


@pytest.fixture
async def short_claims(database: str) -> AsyncIterator[ConfigApi]:
    """A service in real time whose claims last a second."""
    async with running(database, RealClock(), claim_seconds=1.0) as service:
        yield service


async def _answered(service: ConfigApi) -> tuple[Dispatcher, int]:
    mailbox = await a_mailbox(service.admin, service.worker)
    reply = await a_reply(service.admin, await mailbox.activity_of(a_mail()))
    return Dispatcher(service.worker), reply["id"]


def _sweeper(service: ConfigApi, clock: Clock) -> Sweeper:
    return Sweeper(service.app.state.sessions, clock, claim_seconds=120)


async def test_a_message_whose_dispatcher_died_is_uncertain_though_no_dispatcher_ever_asks_again(
    short_claims: ConfigApi,
) -> None:
    dispatcher, activity_id = await _answered(short_claims)
    await dispatcher.report(outcome(await dispatcher.claim_one(), "sending"))

    async def uncertain() -> bool:
        return (await the_delivery(short_claims.admin, activity_id))["status"] == "uncertain"

    await until(uncertain, seconds=3 * sweeping.SECONDS, every=0.2)
    assert [one["type"] for one in await events_of(short_claims.admin, "delivery.")] == ["delivery.uncertain"]


async def test_many_processes_sweep_together_and_each_message_is_told_of_once(
    config_api: ConfigApi, clock: Clock, database: str
) -> None:
    admin, mailbox = config_api.admin, await a_mailbox(config_api.admin, config_api.worker)
    mail = await mailbox.activity_of(a_mail())
    ids = {(await a_reply(admin, mail))["id"] for _ in range(12)}
    dispatcher = Dispatcher(config_api.worker)
    claims = await dispatcher.claim()
    await dispatcher.report(*(outcome(one, "sending") for one in claims))
    assert await _sweeper(config_api, clock).sweep_all() == 0
    clock.advance(seconds=121)
    async with running(database, clock) as other:
        swept = await asyncio.gather(*(_sweeper(one, clock).sweep_all() for one in (config_api, other) * 3))
    assert sum(swept) <= len(ids)
    told = await events_of(admin, "delivery.")
    assert sorted(one["data"]["activity_id"] for one in told) == sorted(ids)
    assert {(await the_delivery(admin, one))["attempts"] for one in ids} == {1}
    # Who was only slow is believed all the same.
    await dispatcher.report(*(judged(one, "sent") for one in claims))
    assert {(await the_delivery(admin, one))["status"] for one in ids} == {"sent"}


async def test_a_swept_message_is_sent_again_where_the_setting_says_so(
    config_api: ConfigApi, clock: Clock, admin: httpx.AsyncClient
) -> None:
    await admin.patch("/settings", json={"uncertain_delivery": "resend"})
    dispatcher, activity_id = await _answered(config_api)
    await dispatcher.report(outcome(await dispatcher.claim_one(), "sending"))
    clock.advance(seconds=121)
    assert await _sweeper(config_api, clock).sweep_all() <= 1
    delivery = await the_delivery(admin, activity_id)
    assert (delivery["status"], delivery["attempts"]) == ("queued", 1)
    assert delivery["next_attempt_at"] > clock().isoformat()


async def test_a_waiting_poll_wakes_when_a_silent_claim_ends(short_claims: ConfigApi) -> None:
    dispatcher, activity_id = await _answered(short_claims)
    await dispatcher.claim_one()
    async with asyncio.timeout(BEFORE_THE_POLL_ENDS):
        (again,) = await Dispatcher(short_claims.worker, replica="d2").claim(wait=LONG_POLL)
    assert again["activity_id"] == activity_id


async def test_a_waiting_poll_wakes_when_a_retry_falls_due(short_claims: ConfigApi) -> None:
    dispatcher, activity_id = await _answered(short_claims)
    claimed = await dispatcher.claim_one()
    await dispatcher.report(outcome(claimed, "waiting", reason="throttled", retry_after_seconds=1))
    async with asyncio.timeout(BEFORE_THE_POLL_ENDS):
        (again,) = await dispatcher.claim(wait=LONG_POLL)
    assert again["activity_id"] == activity_id


async def test_what_falls_due_while_a_poll_is_looking_is_not_overlooked(database: str) -> None:
    clock = SteppingClock(datetime(2030, 1, 1, 12, 0, tzinfo=UTC))
    async with running(database, clock) as service:
        dispatcher, activity_id = await _answered(service)
        claimed = await dispatcher.claim_one()
        await dispatcher.report(outcome(claimed, "waiting", reason="throttled", retry_after_seconds=1.5))
        async with asyncio.timeout(BEFORE_THE_POLL_ENDS):
            (again,) = await dispatcher.claim(wait=LONG_POLL)
        assert again["activity_id"] == activity_id
