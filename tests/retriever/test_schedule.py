"""When a mailbox is connected to, drained and waited for, and what outages do to that."""

import asyncio
from datetime import timedelta

import pytest

from retriever.logins import Logins
from retriever.mailbox.port import MailFailure
from retriever.schedule import Watch
from tests.retriever.fakes import FakeClock, an_assigned_alias, an_email, some_settings, until
from tests.retriever.scene import Scene, in_state, settle_down


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


async def test_an_assignment_that_crosses_a_report_hides_no_failure_from_the_count() -> None:
    scene = Scene()
    scene.refuse()
    async with scene.watching() as watch:
        before = watch.alias
        await until(lambda: len(scene.api.reports) == 1)
        await until(scene.slept)
        # Written before the report was counted, delivered after.
        watch.standing_changed(before)
        scene.server.refusal = None
        await settle_down()
        assert scene.server.logins <= 1, "the next attempt still waits for its time"
        scene.clock.advance(30)
        await until(in_state(watch, "idle"))

    assert [report.outcome for report in scene.api.reports] == ["failed", "connected"]


async def test_where_this_machines_clock_is_ahead_attempts_still_are_a_poll_interval_apart() -> None:
    """By our clock every next attempt is due at once: the server is not asked as fast as it can refuse."""
    scene = Scene()
    scene.refuse()
    scene.api.clock = FakeClock()
    scene.clock.elapsed = 3600
    async with scene.watching():
        for count in (1, 2, 3, 4):
            await until(lambda count=count: len(scene.api.reports) >= count)
            await settle_down(300)
            assert (len(scene.api.reports), scene.clock.sleeping) == (count, [30])
            scene.clock.advance(30)


async def test_a_report_that_is_refused_does_not_bring_the_next_attempt_forward() -> None:
    scene = Scene()
    scene.refuse()
    async with scene.watching():
        await until(lambda: len(scene.api.reports) == 1)
        await until(scene.slept)
        scene.api.refuses_reports = True
        scene.clock.advance(30)
        await until(lambda: scene.api.refused_reports >= 1)
        await settle_down(300)
        assert (scene.api.refused_reports, scene.clock.sleeping) == (1, [30])


async def test_how_long_a_mailbox_has_been_silent_is_told_and_an_inactive_alias_is_not_silent() -> None:
    scene = Scene(an_email("Early"))
    scene.api.down = True
    async with scene.watching() as watch:
        await until(scene.slept)
        scene.clock.advance(0.5)
        assert watch.silent_seconds() == 0.5
        scene.api.down = False
        scene.clock.advance(60)
        await until(in_state(watch, "idle"))
        assert watch.silent_seconds() == 0
    off = Watch(an_assigned_alias(status="inactive"), scene.around(), announce=False)
    scene.clock.advance(60)
    assert off.silent_seconds() == 0


NOT_CONNECTED = MailFailure(
    "manual", "mailbox_access", "NO User is authenticated but not connected.", stage="select", fleeting=True
)


async def test_what_a_fresh_connection_mends_is_no_attempt() -> None:
    scene = Scene(an_email("Hello"))
    scene.server.refusals = [NOT_CONNECTED]
    async with scene.watching() as watch:
        await until(lambda: scene.api.subjects == ["Hello"])
        await until(in_state(watch, "idle"))
    assert scene.api.reports == []


@pytest.mark.rule(131)
async def test_what_fails_on_a_fresh_connection_as_well_counts_and_each_attempt_is_of_two_connections() -> None:
    scene = Scene(an_email("Hello"))
    scene.server.refusal = NOT_CONNECTED
    async with scene.watching():
        await until(lambda: len(scene.api.reports) == 1)
        assert scene.server.refused == 2
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: len(scene.api.reports) == 2)
        assert scene.server.refused == 4
    assert {(each.condition, each.reason) for each in scene.api.reports} == {("manual", "mailbox_access")}


async def test_an_open_mailbox_does_not_stand_in_line_with_those_that_log_in() -> None:
    scene = Scene(an_email("First"))
    scene.logins = Logins(total=1)
    around = scene.around()
    first, second = (Watch(an_assigned_alias(alias_id=alias_id), around) for alias_id in (7, 8))
    tasks = [asyncio.create_task(first.run())]
    try:
        await until(in_state(first, "idle"))
        scene.server.hold_logins = asyncio.Event()
        tasks.append(asyncio.create_task(second.run()))
        await until(lambda: scene.server.connections == 1)
        scene.server.deliver(an_email("Second"))
        await until(lambda: scene.api.subjects == ["First", "Second"])
    finally:
        first.halt()
        second.halt()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_a_clock_that_is_hours_behind_does_not_keep_an_alias_waiting_for_hours() -> None:
    scene = Scene(an_email("Hello"))
    told = scene.clock.now() + timedelta(hours=5)
    alias = an_assigned_alias(status="inactive", recoverable=True, failed_attempts=3, next_attempt_at=told)
    async with scene.watching(alias):
        await until(lambda: scene.clock.sleeping == [600])
        scene.clock.advance(599)
        await settle_down()
        assert scene.server.logins == 0
        scene.clock.advance(1)
        await until(lambda: scene.server.logins == 1)
