"""What each report makes of a delivery, with no database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config_api.outbound import retry_schedule
from config_api.outbound.addressing import Recipient
from config_api.outbound.conclusion import Conclusion, Rules, State, conclude, expire
from ece_common.contracts.activities import RecipientStatus
from ece_common.contracts.outbound import Outcome
from ece_common.contracts.settings import UncertainDelivery

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
CLAIM = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"


def _rules(now: datetime = NOW, uncertain: UncertainDelivery = "hold") -> Rules:
    return Rules(now, 120.0, uncertain, lambda: 0.0)


def _state(**changes: Any) -> State:
    claimed = State(
        activity_id=1,
        status="queued",
        attempts=0,
        next_attempt_at=NOW,
        give_up_at=NOW + retry_schedule.TRIED_FOR,
        last_error=None,
        claim_id=CLAIM,
        claim_expires_at=NOW + timedelta(seconds=60),
        recipients=(Recipient(0, "anna@c.test", "to"), Recipient(1, "ben@c.test", "cc")),
    )
    return replace(claimed, **changes)


def _outcome(kind: str, *statuses: str, claim_id: str = CLAIM, **fields: Any) -> Outcome:
    verdicts = [{"position": n, "status": status, "smtp_reply": f"{status} it"} for n, status in enumerate(statuses)]
    values: dict[str, Any] = {
        "activity_id": 1,
        "claim_id": claim_id,
        "outcome": kind,
        "recipients": verdicts,
        **fields,
    }
    return Outcome.model_validate(values)


def _statuses(conclusion: Conclusion) -> tuple[str, list[str]]:
    return conclusion.state.status, [one.status for one in conclusion.state.recipients]


def _judged(*statuses: str) -> Conclusion:
    return conclude(_state(status="sending"), _outcome("judged", *statuses), _rules())


def test_everybody_sent_to_is_sent() -> None:
    after = _judged("sent", "sent")
    assert _statuses(after) == ("sent", ["sent", "sent"])
    assert (after.state.attempts, after.state.claim_expires_at, after.state.last_error) == (1, None, None)


def test_anybody_failed_is_failed_once_all_have_ended() -> None:
    after = _judged("sent", "failed")
    assert _statuses(after) == ("failed", ["sent", "failed"])
    assert after.state.last_error == "failed it"


def test_anybody_deferred_goes_on_for_those_alone() -> None:
    after = _judged("sent", "deferred")
    assert _statuses(after) == ("queued", ["sent", "queued"])
    assert after.state.next_attempt_at == NOW + timedelta(minutes=1)
    assert after.state.last_error == "deferred it"


def test_whoever_no_verdict_names_still_waits() -> None:
    assert _statuses(_judged("failed")) == ("queued", ["failed", "queued"])


def test_retries_come_at_growing_intervals_then_hourly_and_end_after_five_days() -> None:
    give_up = NOW + retry_schedule.TRIED_FOR
    waits = [retry_schedule.next_attempt(n, NOW, give_up, chance=0.0) for n in range(1, 7)]
    assert [(when - NOW).total_seconds() / 60 for when in waits if when] == [1, 5, 15, 60, 60, 60]
    late = retry_schedule.next_attempt(9, give_up - timedelta(minutes=10), give_up, chance=0.0)
    assert late == give_up
    assert retry_schedule.next_attempt(9, give_up, give_up, chance=0.0) is None
    spread = retry_schedule.next_attempt(4, NOW, give_up, chance=0.5)
    assert spread == NOW + timedelta(minutes=66)


def test_after_five_days_whoever_still_waits_has_failed() -> None:
    state = _state(status="sending", give_up_at=NOW)
    after = conclude(state, _outcome("judged", "sent", "deferred"), _rules())
    assert _statuses(after) == ("failed", ["sent", "failed"])
    assert after.state.last_error == "gave up after 5 days: deferred it"


def test_the_mark_is_made_and_repeated_by_the_claimant_alone_and_in_time() -> None:
    marked = conclude(_state(), _outcome("sending"), _rules())
    assert marked.refusal is None
    assert marked.state.status == "sending"
    assert marked.state.claim_expires_at == NOW + timedelta(seconds=120)
    assert conclude(marked.state, _outcome("sending"), _rules()).refusal is None
    assert conclude(_state(), _outcome("sending", claim_id=OTHER), _rules()).refusal == "claim_lost"
    assert conclude(_state(), _outcome("sending"), _rules(NOW + timedelta(minutes=1))).refusal == "claim_expired"
    assert conclude(_state(claim_expires_at=None), _outcome("sending"), _rules()).refusal == "claim_lost"


def test_an_uncertain_delivery_is_held_or_sent_again_as_the_setting_says() -> None:
    held = conclude(_state(status="sending"), _outcome("uncertain", detail="connection reset"), _rules())
    assert _statuses(held) == ("uncertain", ["uncertain", "uncertain"])
    assert (held.state.attempts, held.state.last_error) == (1, "connection reset")
    again = conclude(_state(status="sending"), _outcome("uncertain"), _rules(uncertain="resend"))
    assert _statuses(again) == ("queued", ["queued", "queued"])
    assert again.state.next_attempt_at == NOW + timedelta(minutes=1)


def test_a_claim_that_ran_out_while_sending_is_uncertain() -> None:
    assert expire(_state(status="sending"), _rules()).status == "uncertain"
    assert expire(_state(status="sending"), _rules(uncertain="resend")).status == "queued"


def test_trouble_before_the_final_dot_counts_as_an_attempt_and_waiting_does_not() -> None:
    deferred = conclude(_state(), _outcome("deferred", detail="no route to host"), _rules()).state
    assert (deferred.status, deferred.attempts, deferred.last_error) == ("queued", 1, "no route to host")
    waiting = conclude(_state(), _outcome("waiting", reason="authentication_failed"), _rules()).state
    assert (waiting.status, waiting.attempts) == ("queued", 0)
    assert waiting.next_attempt_at == NOW + timedelta(seconds=60)
    asked = conclude(_state(), _outcome("waiting", retry_after_seconds=600), _rules()).state
    assert asked.next_attempt_at == NOW + timedelta(seconds=600)
    throttled = conclude(_state(), _outcome("deferred", retry_after_seconds=600), _rules()).state
    assert throttled.next_attempt_at == NOW + timedelta(seconds=600)


def test_waiting_never_fails_a_message_however_long() -> None:
    after = conclude(_state(give_up_at=NOW - timedelta(days=9)), _outcome("waiting"), _rules())
    assert after.state.status == "queued"


def test_what_is_released_may_be_claimed_at_once() -> None:
    after = conclude(_state(status="sending"), _outcome("released"), _rules()).state
    assert (after.status, after.attempts, after.next_attempt_at, after.claim_expires_at) == ("queued", 0, NOW, None)


@pytest.mark.parametrize("status", ["queued", "uncertain", "cancelled", "failed"])
def test_a_late_sent_is_always_recorded(status: RecipientStatus) -> None:
    recipients = tuple(replace(one, status=status) for one in _state().recipients)
    state = _state(status=status, claim_id=OTHER, claim_expires_at=None, recipients=recipients)
    after = conclude(state, _outcome("judged", "sent", "sent"), _rules())
    assert after.refusal is None
    assert _statuses(after) == ("sent", ["sent", "sent"])
    again = conclude(after.state, _outcome("judged", "sent", "sent"), _rules())
    assert (again.refusal, again.state) == (None, after.state)


def test_a_late_sent_takes_the_message_from_who_claimed_it_meanwhile() -> None:
    state = _state(claim_id=OTHER)
    after = conclude(state, _outcome("judged", "sent", "sent"), _rules()).state
    assert (after.status, after.claim_expires_at) == ("sent", None)
    assert conclude(after, _outcome("sending", claim_id=OTHER), _rules()).refusal == "claim_lost"


def test_a_late_sent_for_one_leaves_the_others_to_the_new_claimant() -> None:
    after = conclude(_state(claim_id=OTHER), _outcome("judged", "sent", "deferred"), _rules()).state
    assert [one.status for one in after.recipients] == ["sent", "queued"]
    assert (after.status, after.claim_expires_at) == ("queued", _state().claim_expires_at)


def test_a_late_report_of_anything_else_changes_nothing() -> None:
    state = _state(claim_id=OTHER)
    for late in (_outcome("judged", "failed", "deferred"), _outcome("deferred"), _outcome("released")):
        after = conclude(state, late, _rules())
        assert (after.state, after.refusal) == (state, "claim_lost")


def test_the_claimants_own_verdict_resolves_what_was_taken_for_uncertain() -> None:
    """It was out of touch for longer than its claim, and then it told."""
    uncertain = expire(_state(status="sending"), _rules())
    assert uncertain.claim_id == CLAIM
    after = conclude(uncertain, _outcome("judged", "sent", "failed"), _rules())
    assert (after.refusal, *_statuses(after)) == (None, "failed", ["sent", "failed"])


def test_a_report_that_is_repeated_counts_once() -> None:
    deferred = _outcome("judged", "deferred", "deferred")
    once = conclude(_state(status="sending"), deferred, _rules()).state
    again = conclude(once, deferred, _rules())
    assert (again.refusal, again.state) == (None, once)


def test_whoever_was_silenced_stays_silenced() -> None:
    silenced = replace(_state().recipients[1], status="cancelled")
    state = _state(status="sending", recipients=(_state().recipients[0], silenced))
    assert _statuses(conclude(state, _outcome("judged", "sent"), _rules())) == ("sent", ["sent", "cancelled"])
