"""Which failures count, when an alias becomes inactive, and what makes it active again (R121 to R136)."""

from datetime import timedelta

import pytest

from ece_common.contracts.aliases import StatusReport
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import START, an_assigned_alias, an_email, until
from tests.retriever.scene import Scene, in_state, settle_down


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


async def test_an_administrators_decision_beats_a_reactivation_in_flight() -> None:
    scene = Scene(an_email())
    scene.api.standing = (await FakeConfigApi().report_status(7, _a_report())).model_copy(
        update={"status": "inactive", "recoverable": False, "status_changed_by": "administrator"}
    )
    async with scene.watching(an_assigned_alias(status="active", failed_attempts=1)) as watch:
        await until(in_state(watch, "inactive"))
        await settle_down()

    assert scene.api.stored == []


def _a_report() -> StatusReport:
    return StatusReport.model_validate(
        {"epoch": 3, "attempt_id": "12345678", "from": "active", "outcome": "connected"}
    )
