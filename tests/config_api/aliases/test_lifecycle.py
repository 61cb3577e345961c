"""When an alias becomes inactive and when it comes back: the pure decision, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config_api.aliases.lifecycle import Limits, State, by_administrator, decide
from ece_common.contracts.aliases import StatusReport

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIMITS = Limits(connection_attempts=3, retry_after=timedelta(minutes=10), poll_interval=timedelta(seconds=30))
IN_TEN_MINUTES, NEXT_POLL = NOW + timedelta(minutes=10), NOW + timedelta(seconds=30)

ACTIVE = State("active", "administrator", recoverable=False, failed_attempts=0, next_attempt_at=None, reason=None)
RECOVERABLE = State("inactive", "system", recoverable=True, failed_attempts=3, next_attempt_at=NOW,
                    reason="network_problem")  # fmt: skip
MANUAL = replace(RECOVERABLE, recoverable=False, next_attempt_at=None, reason="authentication_failed")
SWITCHED_OFF = replace(MANUAL, changed_by="administrator", reason="set_by_administrator")


def a_report(state: State, **told: Any) -> StatusReport:
    body = {"epoch": 1, "attempt_id": "attempt-1", "from": state.status, "outcome": "failed",
            "condition": "recoverable", "reason": "network_problem", **told}  # fmt: skip
    return StatusReport.model_validate(body)


def failed(state: State, **told: Any) -> State:
    return decide(state, a_report(state, **told), LIMITS, NOW).state


def connected(state: State) -> State:
    return decide(state, a_report(state, outcome="connected", condition=None, reason=None), LIMITS, NOW).state


@pytest.mark.rule(121, 123)
def test_one_or_two_failures_leave_it_active_and_are_a_poll_apart() -> None:
    once = failed(ACTIVE)
    assert once == replace(ACTIVE, failed_attempts=1, next_attempt_at=NEXT_POLL)
    assert failed(once) == replace(ACTIVE, failed_attempts=2, next_attempt_at=NEXT_POLL)


@pytest.mark.rule(120, 122, 124, 127, 128)
@pytest.mark.parametrize("reason", ["network_problem", "server_stopped", "mailbox_locked"])
def test_the_third_recoverable_failure_makes_it_inactive_for_ten_minutes(reason: str) -> None:
    decision = decide(replace(ACTIVE, failed_attempts=2), a_report(ACTIVE, reason=reason), LIMITS, NOW)
    expected = State("inactive", "system", recoverable=True, failed_attempts=3, next_attempt_at=IN_TEN_MINUTES,
                     reason=reason)  # fmt: skip
    assert (decision.state, decision.told) == (expected, True)


@pytest.mark.rule(120, 129, 130, 131)
@pytest.mark.parametrize(
    "reason", ["service_not_started", "authentication_failed", "certificate_not_valid", "folder_missing"]
)
def test_the_third_manual_failure_makes_it_inactive_for_good(reason: str) -> None:
    told = a_report(ACTIVE, condition="manual", reason=reason)
    decision = decide(replace(ACTIVE, failed_attempts=2), told, LIMITS, NOW)
    expected = State("inactive", "system", recoverable=False, failed_attempts=3, next_attempt_at=None, reason=reason)
    assert (decision.state, decision.told) == (expected, True)


def test_a_success_in_between_begins_the_count_anew() -> None:
    assert connected(replace(ACTIVE, failed_attempts=2, next_attempt_at=NEXT_POLL)) == ACTIVE
    assert failed(connected(failed(failed(ACTIVE)))).failed_attempts == 1


@pytest.mark.rule(125, 126)
def test_a_recoverable_one_that_connects_is_active_again() -> None:
    report = a_report(RECOVERABLE, outcome="connected", condition=None, reason=None)
    decision = decide(RECOVERABLE, report, LIMITS, NOW)
    assert (decision.state, decision.told) == (replace(ACTIVE, changed_by="system"), True)


@pytest.mark.rule(124)
def test_a_recoverable_one_that_fails_again_waits_again_without_another_notification() -> None:
    decision = decide(RECOVERABLE, a_report(RECOVERABLE), LIMITS, NOW)
    expected = replace(RECOVERABLE, failed_attempts=4, next_attempt_at=IN_TEN_MINUTES)
    assert (decision.state, decision.told) == (expected, False)


@pytest.mark.rule(129)
def test_a_recoverable_one_that_meets_a_manual_condition_waits_for_an_administrator() -> None:
    report = a_report(RECOVERABLE, condition="manual", reason="authentication_failed")
    decision = decide(RECOVERABLE, report, LIMITS, NOW)
    assert (decision.state, decision.told) == (replace(MANUAL, failed_attempts=4), True)


@pytest.mark.rule(132)
@pytest.mark.parametrize("state", [MANUAL, SWITCHED_OFF])
def test_what_waits_for_an_administrator_is_changed_by_no_report(state: State) -> None:
    assert connected(state) == state
    assert failed(state) == state


@pytest.mark.parametrize(("state", "seen"), [(ACTIVE, "inactive"), (SWITCHED_OFF, "active"), (RECOVERABLE, "active")])
def test_a_report_on_another_status_than_the_current_one_changes_nothing(state: State, seen: str) -> None:
    for outcome in ("failed", "connected"):
        report = a_report(state, outcome=outcome, **{"from": seen})
        assert decide(state, report, LIMITS, NOW).state == state


def test_a_server_that_asks_to_slow_down_is_no_failed_attempt() -> None:
    twice = replace(ACTIVE, failed_attempts=2)
    assert failed(twice, reason="throttled", condition=None) == replace(twice, next_attempt_at=NEXT_POLL)
    assert failed(RECOVERABLE, reason="throttled").next_attempt_at == IN_TEN_MINUTES


def test_the_number_of_attempts_is_a_setting() -> None:
    once = replace(LIMITS, connection_attempts=1)
    assert decide(ACTIVE, a_report(ACTIVE), once, NOW).state.status == "inactive"


@pytest.mark.rule(119, 132)
@pytest.mark.parametrize("state", [RECOVERABLE, MANUAL, SWITCHED_OFF])
def test_an_administrator_makes_any_alias_active_and_the_past_is_forgotten(state: State) -> None:
    decision = by_administrator(state, "active")
    assert (decision.state, decision.told) == (ACTIVE, True)


@pytest.mark.rule(119)
@pytest.mark.parametrize("state", [ACTIVE, RECOVERABLE, MANUAL])
def test_what_an_administrator_makes_inactive_the_system_never_revives(state: State) -> None:
    decision = by_administrator(state, "inactive")
    assert (decision.state.status, decision.state.changed_by, decision.told) == ("inactive", "administrator", True)
    assert connected(decision.state) == decision.state
    assert by_administrator(decision.state, "inactive").told is False


def test_setting_an_active_alias_active_forgets_its_failures_and_is_no_transition() -> None:
    decision = by_administrator(replace(ACTIVE, failed_attempts=2, next_attempt_at=NEXT_POLL), "active")
    assert (decision.state, decision.told) == (ACTIVE, False)
