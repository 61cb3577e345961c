"""When an alias becomes inactive and when it comes back (R119 to R132): pure decisions on a retriever's report."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ece_common.contracts.aliases import Actor, AliasStatus, StatusReport

THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class State:
    """Where an alias stands. `recoverable`: inactive, and the system may try again by itself."""

    status: AliasStatus
    changed_by: Actor
    recoverable: bool
    failed_attempts: int
    next_attempt_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Limits:
    connection_attempts: int
    retry_after: timedelta
    poll_interval: timedelta


@dataclass(frozen=True, slots=True)
class Decision:
    """Where it stands afterwards. `told`: its history gets a row and the feed an event."""

    state: State
    told: bool = False


def decide(state: State, report: StatusReport, limits: Limits, now: datetime) -> Decision:
    """A report on a status that is no longer the current one crossed someone's decision, and changes nothing."""
    if report.from_ != state.status:
        return Decision(state)
    if state.status == "inactive" and not _system_may_retry(state):
        return Decision(state)
    return after_success(state) if report.outcome == "connected" else after_failure(state, report, limits, now)


def _system_may_retry(state: State) -> bool:
    return state.changed_by == "system" and state.recoverable


def after_success(state: State) -> Decision:
    """R125: what the system made inactive for a passing reason is active again; the count starts anew."""
    if state.status == "inactive":
        return Decision(_active(changed_by="system"), told=True)
    return Decision(_active(changed_by=state.changed_by))


def _active(*, changed_by: Actor) -> State:
    return State("active", changed_by, recoverable=False, failed_attempts=0, next_attempt_at=None, reason=None)


def after_failure(state: State, report: StatusReport, limits: Limits, now: datetime) -> Decision:
    if report.reason == THROTTLED:
        # A server that asks us to slow down works: this was no attempt.
        pause = limits.retry_after if state.status == "inactive" else limits.poll_interval
        return Decision(_waiting(state, state.failed_attempts, now + pause))
    failed = state.failed_attempts + 1
    if state.status == "active" and failed < limits.connection_attempts:
        return Decision(_waiting(state, failed, now + limits.poll_interval))
    recoverable = report.condition == "recoverable"
    after = State(
        "inactive",
        "system",
        recoverable=recoverable,
        failed_attempts=failed,
        next_attempt_at=now + limits.retry_after if recoverable else None,
        reason=report.reason or "failed",
    )
    # R129: from here on only an administrator helps, and has to hear of it.
    given_up = state.status == "inactive" and not recoverable
    return Decision(after, told=state.status == "active" or given_up)


def _waiting(state: State, failed: int, until: datetime) -> State:
    return State(state.status, state.changed_by, state.recoverable, failed, until, state.reason)


def by_administrator(state: State, wanted: AliasStatus) -> Decision:
    """An administrator's word counts from now on, also when it repeats the system's (R119, R132)."""
    if wanted == state.status == "active":
        return Decision(_active(changed_by=state.changed_by))
    if wanted == "active":
        return Decision(_active(changed_by="administrator"), told=True)
    after = State("inactive", "administrator", recoverable=False, failed_attempts=state.failed_attempts,
                  next_attempt_at=None, reason="set_by_administrator")  # fmt: skip
    return Decision(after, told=state.status == "active" or state.changed_by != "administrator")


def after_account_invalid(state: State) -> Decision:
    """R192 to R194, R132: nobody is let in any more. What an administrator set inactive stays his decision."""
    if state.status == "inactive" and not _system_may_retry(state):
        return Decision(state)
    after = State("inactive", "system", recoverable=False, failed_attempts=state.failed_attempts,
                  next_attempt_at=None, reason="authentication_failed")  # fmt: skip
    return Decision(after, told=True)
