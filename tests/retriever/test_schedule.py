"""When a mailbox is connected to, drained and waited for, and what is said about it (guide: alias status)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from ece_common.contracts.aliases import FailureReason, StatusReport
from ece_common.contracts.instances import AssignedAlias, RetrieverSettings
from retriever.logins import Logins
from retriever.mailbox.port import FailureCondition, Mailbox, MailFailure
from retriever.schedule import Surroundings, Watch
from retriever.tallies import Tallies
from tests.retriever.fakes import (
    START,
    FakeClock,
    FakeConfigApi,
    FakeMailbox,
    FakeServer,
    an_assigned_alias,
    an_email,
    some_settings,
    until,
)


class Scene:
    """One alias's surroundings, with everything in it a test may turn."""

    def __init__(self, *mails: bytes, pushes: bool = True) -> None:
        self.clock = FakeClock()
        self.api = FakeConfigApi(clock=self.clock)
        self.server = FakeServer(*mails)
        self.in_force = True
        self.pushes = pushes
        self.settings: RetrieverSettings = some_settings()
        self.mailboxes: list[FakeMailbox] = []
        self.logins = Logins()

    def around(self) -> Surroundings:
        return Surroundings(
            desk=self.api,
            build_mailbox=self._build,
            settings=lambda: self.settings,
            lease_seconds=lambda: 15.0,
            in_force=lambda: self.in_force,
            now=self.clock.now,
            logins=self.logins,
            tallies=Tallies(CollectorRegistry()),
            sleep=self.clock.sleep,
            monotonic=self.clock.monotonic,
        )

    def _build(self, alias: AssignedAlias) -> Mailbox:  # noqa: ARG002 - one server for all
        self.mailboxes.append(FakeMailbox(self.server, pushes=self.pushes))
        return self.mailboxes[-1]

    @asynccontextmanager
    async def watching(self, alias: AssignedAlias | None = None, *, announce: bool = False) -> AsyncGenerator[Watch]:
        watch = Watch(alias or an_assigned_alias(), self.around(), announce=announce)
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            watch.halt()
            try:
                await asyncio.wait_for(task, 5)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def refuse(
        self,
        reason: FailureReason = "network_problem",
        condition: FailureCondition = "recoverable",
        *,
        retry_after: float | None = None,
    ) -> None:
        self.server.refusal = MailFailure(condition, reason, "the server's words", retry_after=retry_after)

    def slept(self) -> bool:
        return bool(self.clock.sleeping)

    async def attempts(self, count: int) -> None:
        """Let time pass, one wait after the other, until so many reports were made."""
        await until(lambda: len(self.api.reports) >= 1)
        while len(self.api.reports) < count:
            await until(self.slept)
            self.clock.advance(30)
            await settle_down()


async def settle_down(turns: int = 60) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def in_state(watch: Watch, state: str) -> Callable[[], bool]:
    return lambda: watch.state == state


@pytest.mark.rule(12, 46, 133)
async def test_an_active_alias_is_retrieved_and_new_mail_comes_in_as_it_arrives() -> None:
    scene = Scene(an_email("Waiting"))
    async with scene.watching() as watch:
        await until(in_state(watch, "idle"))
        scene.server.deliver(an_email("Arriving"))
        await until(lambda: len(scene.api.stored) == 2)

    assert scene.api.subjects == ["Waiting", "Arriving"]
    assert (scene.api.reports, scene.server.logins) == ([], 1)
    assert scene.mailboxes[0].closed


@pytest.mark.rule(135)
@pytest.mark.rule(129, 132)
async def test_an_inactive_alias_that_is_not_recoverable_is_never_connected_to() -> None:
    scene = Scene(an_email())
    async with scene.watching(an_assigned_alias(status="inactive", recoverable=False)) as watch:
        await until(in_state(watch, "inactive"))
        scene.clock.advance(1_000_000)
        await settle_down()

    assert (scene.server.logins, scene.api.stored, scene.api.reports) == (0, [], [])


@pytest.mark.rule(121, 122, 123, 127)
async def test_three_failed_attempts_one_interval_apart_make_an_alias_inactive() -> None:
    scene = Scene()
    scene.refuse()
    async with scene.watching() as watch:
        await until(lambda: len(scene.api.reports) == 1)
        await until(scene.slept)
        assert (watch.alias.status, watch.alias.failed_attempts) == ("active", 1)
        scene.clock.advance(29)
        await settle_down()
        assert len(scene.api.reports) == 1, "not before the poll interval has passed"
        scene.clock.advance(1)
        await until(lambda: len(scene.api.reports) == 2)
        await until(scene.slept)
        assert (watch.alias.status, watch.alias.failed_attempts) == ("active", 2)
        scene.clock.advance(30)
        await until(lambda: watch.alias.status == "inactive")

    assert [report.reason for report in scene.api.reports] == ["network_problem"] * 3
    assert len({report.attempt_id for report in scene.api.reports}) == 3
    assert scene.api.reports[0].detail == "the server's words"


@pytest.mark.rule(124, 125, 126, 127)
async def test_after_ten_minutes_a_recoverable_alias_is_tried_again_made_active_and_retrieved() -> None:
    scene = Scene(an_email("Patient"))
    scene.refuse()
    async with scene.watching() as watch:
        await scene.attempts(3)
        await until(in_state(watch, "waiting"))
        scene.server.refusal = None
        scene.clock.advance(599)
        await settle_down()
        assert scene.server.logins == 0
        scene.clock.advance(1)
        await until(lambda: len(scene.api.stored) == 1)

    assert scene.api.reports[-1].outcome == "connected"
    assert scene.api.reports[-1].from_ == "inactive"
    assert (watch.alias.status, watch.alias.failed_attempts) == ("active", 0)


@pytest.mark.rule(124)
async def test_an_attempt_that_fails_after_ten_minutes_waits_ten_minutes_more() -> None:
    scene = Scene()
    scene.refuse()
    async with scene.watching() as watch:
        await scene.attempts(3)
        await until(scene.slept)
        scene.clock.advance(600)
        await until(lambda: len(scene.api.reports) == 4)
        await until(scene.slept)
        assert watch.alias.next_attempt_at == scene.clock.now() + timedelta(seconds=600)


@pytest.mark.rule(129, 132)
async def test_a_wrong_password_makes_an_alias_inactive_for_good() -> None:
    scene = Scene()
    scene.refuse("authentication_failed", "manual")
    async with scene.watching() as watch:
        await scene.attempts(3)
        await until(in_state(watch, "inactive"))
        scene.server.refusal = None
        scene.clock.advance(1_000_000)
        await settle_down()

    assert [report.condition for report in scene.api.reports] == ["manual"] * 3
    assert scene.server.logins == 0


@pytest.mark.rule(123)
async def test_a_success_resets_the_count_of_failures() -> None:
    scene = Scene()
    scene.refuse()
    async with scene.watching() as watch:
        await scene.attempts(2)
        scene.server.refusal = None
        await until(scene.slept)
        scene.clock.advance(30)
        await until(in_state(watch, "idle"))

    assert [report.outcome for report in scene.api.reports] == ["failed", "failed", "connected"]
    assert watch.alias.failed_attempts == 0


@pytest.mark.rule(128)
async def test_a_mailbox_locked_by_another_client_is_a_recoverable_failure() -> None:
    scene = Scene()
    scene.refuse("mailbox_locked", "lock")
    async with scene.watching():
        await scene.attempts(1)

    assert (scene.api.reports[0].condition, scene.api.reports[0].reason) == ("recoverable", "mailbox_locked")


@pytest.mark.rule(128)
async def test_a_lock_that_the_previous_holder_may_have_left_is_no_attempt() -> None:
    scene = Scene(an_email("Behind the lock"))
    scene.refuse("mailbox_locked", "lock")
    async with scene.watching(an_assigned_alias(handed_over_at=START - timedelta(seconds=1))):
        await until(scene.slept)
        assert scene.api.reports == []
        scene.clock.advance(30)  # the grace is a lease and 15 s, seen from the hand-over
        await until(lambda: len(scene.api.reports) == 1)


async def test_throttling_is_no_attempt_and_waits_as_long_as_the_server_asks() -> None:
    scene = Scene(an_email("Slowly"))
    scene.refuse("throttled", "throttled", retry_after=120)
    async with scene.watching():
        await until(lambda: scene.clock.sleeping == [120])
        scene.server.refusal = None
        scene.clock.advance(119)
        await settle_down()
        assert scene.api.stored == []
        scene.clock.advance(1)
        await until(lambda: len(scene.api.stored) == 1)

    assert scene.api.reports == []


async def test_a_lost_connection_is_made_again_without_counting_as_a_failed_attempt() -> None:
    scene = Scene()
    async with scene.watching() as watch:
        await until(in_state(watch, "idle"))
        scene.clock.advance(3600)
        await until(in_state(watch, "idle"))
        scene.server.drop_connections()
        await until(scene.slept)
        scene.server.deliver(an_email("After"))
        scene.clock.advance(1)
        await until(lambda: len(scene.api.stored) == 1)

    assert (scene.api.reports, scene.server.logins) == ([], 2)


async def test_a_lost_connection_that_cannot_be_made_again_counts() -> None:
    scene = Scene()
    async with scene.watching() as watch:
        await until(in_state(watch, "idle"))
        scene.refuse()
        scene.server.drop_connections()
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: len(scene.api.reports) == 1)


async def test_a_mailbox_without_announcements_is_asked_again_after_the_poll_interval() -> None:
    scene = Scene(an_email("One"), pushes=False)
    async with scene.watching() as watch:
        await until(in_state(watch, "idle"))
        await until(lambda: bool(scene.mailboxes[0].closed))
        scene.server.deliver(an_email("Two"))
        await until(lambda: len(scene.api.stored) == 2)

    assert scene.server.logins >= 2, "POP3 sees new mail in a new session only"


async def test_a_changed_alias_reports_its_first_connection() -> None:
    scene = Scene()
    async with scene.watching(announce=True) as watch:
        await until(in_state(watch, "idle"))

    assert [report.outcome for report in scene.api.reports] == ["connected"]


async def test_an_administrators_decision_beats_a_reactivation_in_flight() -> None:
    scene = Scene(an_email())
    scene.api.standing = (await FakeConfigApi().report_status(7, _a_report())).model_copy(
        update={"status": "inactive", "recoverable": False, "status_changed_by": "administrator"}
    )
    async with scene.watching(an_assigned_alias(status="active", failed_attempts=1)) as watch:
        await until(in_state(watch, "inactive"))
        await settle_down()

    assert scene.api.stored == []


async def test_while_the_config_api_is_away_the_connection_is_kept_and_mail_stays() -> None:
    scene = Scene(an_email("Early"))
    scene.api.down = True
    async with scene.watching() as watch:
        await until(in_state(watch, "held_back"))
        await until(scene.slept)
        assert (scene.api.stored, len(scene.server.mails)) == ([], 1)
        scene.api.down = False
        scene.clock.advance(60)
        await until(lambda: len(scene.api.stored) == 1)

    assert (scene.server.logins, scene.api.reports) == (1, [])


async def test_a_report_is_repeated_with_the_same_attempt_until_it_is_heard() -> None:
    scene = Scene()
    scene.refuse()
    scene.api.down = True
    async with scene.watching() as watch:
        await until(in_state(watch, "held_back"))
        await until(scene.slept)
        scene.clock.advance(60)
        await until(scene.slept)
        scene.api.down = False
        scene.clock.advance(60)
        await until(lambda: len(scene.api.reports) == 1)

    assert watch.alias.failed_attempts == 1


async def test_a_lease_not_renewed_here_submits_nothing_and_goes_on_once_it_is() -> None:
    scene = Scene(an_email())
    scene.in_force = False
    async with scene.watching() as watch:
        await until(in_state(watch, "held_back"))
        await until(scene.slept)
        assert (scene.api.batches, len(scene.server.mails)) == ([], 1)
        scene.in_force = True
        scene.clock.advance(60)
        await until(lambda: len(scene.api.stored) == 1)


async def test_a_stale_epoch_drops_the_alias_at_once() -> None:
    scene = Scene(an_email())
    scene.api.epoch = 4
    async with scene.watching() as watch:
        await until(in_state(watch, "closed"))

    assert (watch.lost, len(scene.server.mails)) == (True, 1)


async def test_halting_finishes_what_was_committed_and_leaves_the_rest() -> None:
    scene = Scene(*(an_email(f"Mail {number}") for number in range(30)))
    scene.api.hold = asyncio.Event()
    async with scene.watching() as watch:
        await until(lambda: scene.api.submitting == 1)
        await settle_down(200)
        watch.halt()
        scene.api.hold.set()
        await until(in_state(watch, "closed"))

    assert (len(scene.api.stored), len(scene.server.mails)) == (10, 20)


async def test_a_slow_login_does_not_hold_up_a_halt() -> None:
    scene = Scene()
    scene.server.hold_logins = asyncio.Event()
    async with scene.watching() as watch:
        await until(lambda: scene.server.connections == 1)
        watch.halt()
        await until(in_state(watch, "closed"))

    assert scene.server.logins == 0


async def test_at_most_so_many_logins_go_to_one_server_at_a_time() -> None:
    scene = Scene()
    scene.logins = Logins(total=50, per_server=10)
    scene.server.hold_logins = asyncio.Event()
    watches = [Watch(an_assigned_alias(alias_id=number), scene.around()) for number in range(1, 41)]
    tasks = [asyncio.create_task(watch.run()) for watch in watches]
    await until(lambda: scene.server.connections == 10)
    await settle_down()
    assert scene.server.most_connecting == 10
    scene.server.hold_logins.set()
    await until(lambda: all(watch.state == "idle" for watch in watches))
    for watch in watches:
        watch.halt()
    await asyncio.gather(*tasks)

    assert (scene.server.most_connecting, scene.server.logins) == (10, 40)


async def test_a_surprise_in_one_alias_is_survived() -> None:
    scene = Scene(an_email("Sound"))
    scene.settings = None  # pyright: ignore[reportAttributeAccessIssue] - a defect, as no contract allows it
    async with scene.watching() as watch:
        await until(in_state(watch, "held_back"))
        await until(scene.slept)
        scene.settings = some_settings()
        scene.clock.advance(120)
        await until(lambda: len(scene.api.stored) == 1)


def _a_report() -> StatusReport:
    return StatusReport.model_validate(
        {"epoch": 3, "attempt_id": "12345678", "from": "active", "outcome": "connected"}
    )
