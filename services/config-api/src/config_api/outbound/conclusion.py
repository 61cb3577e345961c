"""What a dispatcher's report makes of a delivery. Pure: the state before and the report in, the state after out.

A delivery has ended when no recipient waits: `sent` when everybody was sent to, `failed` when anybody failed,
`uncertain` while nobody knows of somebody. It goes on (`queued`) as long as anybody waits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from config_api.outbound import retry_schedule
from config_api.outbound.addressing import Recipient
from ece_common.contracts.activities import DeliveryStatus, RecipientStatus
from ece_common.contracts.outbound import Outcome, RecipientVerdict
from ece_common.contracts.settings import UncertainDelivery

WAITING_SECONDS = 60.0
_UNKNOWN = "the connection was lost after the message was handed over: nobody knows whether it was accepted"


@dataclass(frozen=True, slots=True)
class State:
    """A delivery. Its claim is open while `claim_expires_at` is set."""

    activity_id: int
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    give_up_at: datetime
    last_error: str | None
    claim_id: str | None
    claim_expires_at: datetime | None
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    now: datetime
    claim_seconds: float
    uncertain: UncertainDelivery
    chance: Callable[[], float]
    """In [0, 1): spreads retries."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    state: State
    refusal: str | None = None
    """Why the report was not taken."""


def conclude(state: State, outcome: Outcome, rules: Rules) -> Conclusion:
    same = state.claim_id == outcome.claim_id
    is_open = same and state.claim_expires_at is not None
    if outcome.outcome == "sending":
        return _mark(state, rules) if is_open else Conclusion(state, "claim_lost")
    if is_open:
        return Conclusion(_taken(state, outcome, rules))
    if same and state.status == "uncertain" and outcome.outcome != "uncertain":
        return Conclusion(_taken(_reopened(state), outcome, rules))
    return _late(state, outcome, same=same)


def expire(state: State, rules: Rules) -> State:
    """The claim of a message under way ran out: whoever sent it never said what became of it."""
    return _uncertain(replace(state, attempts=state.attempts + 1), rules, _UNKNOWN)


def fail(state: State, reason: str) -> State:
    """Nothing can send this message."""
    return _settled(_turned(state, "queued", "failed", reason), reason)


def _mark(state: State, rules: Rules) -> Conclusion:
    assert state.claim_expires_at is not None
    if state.claim_expires_at <= rules.now:
        return Conclusion(state, "claim_expired")
    expires = rules.now + timedelta(seconds=rules.claim_seconds)
    return Conclusion(replace(state, status="sending", claim_expires_at=expires))


def _reopened(state: State) -> State:
    """The one who sent it, and nobody since, says after all what became of it: of the attempt already counted."""
    return replace(_turned(state, "uncertain", "queued", None), attempts=max(0, state.attempts - 1))


def _taken(state: State, outcome: Outcome, rules: Rules) -> State:
    told = outcome.detail or outcome.reason
    match outcome.outcome:
        case "waiting":
            seconds = WAITING_SECONDS if outcome.retry_after_seconds is None else outcome.retry_after_seconds
            return _queued(state, rules.now + timedelta(seconds=seconds), told)
        case "released":
            return _queued(state, rules.now, state.last_error)
        case "uncertain":
            return _uncertain(_judged(state, outcome), rules, told or _UNKNOWN)
        case _:
            return _again(_judged(state, outcome), rules, _seconds(outcome), told)


def _late(state: State, outcome: Outcome, *, same: bool) -> Conclusion:
    """A claim that was lost changes nothing, but who was sent to was sent to, whoever has the claim now."""
    sent = {one.position: one for one in outcome.recipients if one.status == "sent"}
    recipients = _with_verdicts(state.recipients, sent)
    if recipients == state.recipients:
        # The answer to an earlier report got lost, or it tells what is known.
        return Conclusion(state, None if same or sent else "claim_lost")
    after = replace(state, recipients=recipients)
    if any(one.status == "queued" for one in recipients):
        return Conclusion(after)
    return Conclusion(_settled(after, state.last_error))


def _judged(state: State, outcome: Outcome) -> State:
    verdicts = {one.position: one for one in outcome.recipients}
    return replace(state, attempts=state.attempts + 1, recipients=_with_verdicts(state.recipients, verdicts))


def _with_verdicts(
    recipients: tuple[Recipient, ...], verdicts: Mapping[int, RecipientVerdict]
) -> tuple[Recipient, ...]:
    return tuple(
        _with_verdict(one, verdicts[one.position]) if one.position in verdicts and one.status != "sent" else one
        for one in recipients
    )


def _with_verdict(one: Recipient, verdict: RecipientVerdict) -> Recipient:
    status: RecipientStatus = "queued" if verdict.status == "deferred" else verdict.status
    if one.status == "cancelled" and status == "queued":
        return one
    return replace(
        one,
        status=status,
        smtp_code=verdict.smtp_code,
        enhanced_code=verdict.enhanced_code,
        smtp_reply=verdict.smtp_reply,
    )


def _uncertain(state: State, rules: Rules, told: str) -> State:
    if rules.uncertain == "resend":
        return _again(state, rules, timedelta(), told)
    return _settled(_turned(state, "queued", "uncertain", None), told)


def _again(state: State, rules: Rules, at_least: timedelta, told: str | None) -> State:
    """Whoever still waits is tried again, unless it was tried for long enough."""
    if not any(one.status == "queued" for one in state.recipients):
        return _settled(state, told)
    when = retry_schedule.next_attempt(
        state.attempts, rules.now, state.give_up_at, chance=rules.chance(), at_least=at_least
    )
    told = told or _last_reply(state)
    if when is None:
        gave_up = f"gave up after {retry_schedule.TRIED_FOR.days} days" + (f": {told}" if told else "")
        return fail(state, gave_up[:2000])
    return _queued(state, when, told)


def _seconds(outcome: Outcome) -> timedelta:
    return timedelta(seconds=outcome.retry_after_seconds or 0)


def _last_reply(state: State) -> str | None:
    return next((one.smtp_reply for one in state.recipients if one.status == "queued" and one.smtp_reply), None)


def _turned(state: State, before: RecipientStatus, after: RecipientStatus, reply: str | None) -> State:
    turned = tuple(
        replace(one, status=after, smtp_reply=one.smtp_reply or reply) if one.status == before else one
        for one in state.recipients
    )
    return replace(state, recipients=turned)


def _queued(state: State, when: datetime, told: str | None) -> State:
    return replace(state, status="queued", next_attempt_at=when, claim_expires_at=None, last_error=told)


def _settled(state: State, told: str | None) -> State:
    status = _status({one.status for one in state.recipients})
    told = None if status == "sent" else told or _failure(state)
    return replace(state, status=status, next_attempt_at=None, claim_expires_at=None, last_error=told)


def _failure(state: State) -> str | None:
    return next((one.smtp_reply for one in state.recipients if one.status == "failed" and one.smtp_reply), None)


def _status(found: set[RecipientStatus]) -> DeliveryStatus:
    for status in ("queued", "uncertain", "failed", "sent"):
        if status in found:
            return status
    return "cancelled"
