"""What counts as a failed attempt to connect, and how it is reported (R121 to R129). Pure but for the jitter."""

import random
from datetime import datetime, timedelta
from uuid import uuid4

from ece_common.contracts.aliases import StatusReport
from ece_common.contracts.instances import AssignedAlias
from retriever.mailbox.port import MailFailure
from retriever.surroundings import Surroundings

LOCK_GRACE = 15.0
"""Seconds beyond a lease in which the previous holder's session may still lock the mailbox."""


def wait_uncounted(
    failure: MailFailure, alias: AssignedAlias, *, interval: float, lease: float, lasted: float | None, now: datetime
) -> float | None:
    """Seconds to wait after a failure that is no attempt; None when it is one, and has to be reported.

    `lasted`: how long a connection that had worked stood until it was lost; None when none had. Losing one is not
    failing to connect: only when it cannot be made again does the counting begin.
    """
    if failure.condition == "throttled" or _lock_of_predecessor(failure, alias, lease, now):
        return failure.retry_after if failure.retry_after is not None else interval
    if lasted is None or failure.condition != "recoverable":
        return None
    # A server that drops every connection soon after is not asked again at once.
    return random.uniform(0.0, 1.0) if lasted >= interval else interval  # noqa: S311 - spreads reconnections


def _lock_of_predecessor(failure: MailFailure, alias: AssignedAlias, lease: float, now: datetime) -> bool:
    """R128 means another client. The replica that last held the alias, or died with it, is none."""
    if failure.condition != "lock" or alias.handed_over_at is None:
        return False
    return now < alias.handed_over_at + timedelta(seconds=lease + LOCK_GRACE)


class Due:
    """When the next attempt is due. The Config API tells a moment by its own clock; ours may go another way."""

    def __init__(self) -> None:
        self._due: datetime | None = None
        self._latest = 0.0

    def left(self, due: datetime | None, around: Surroundings) -> float:
        """Seconds, at most those that the Config API can have meant since `due` was told."""
        if due is None:
            return 0.0
        now, settings = around.monotonic(), around.settings()
        if due != self._due:
            longest = max(settings.retry_after_seconds, settings.poll_interval_seconds)
            self._due, self._latest = due, now + longest
        return min((due - around.now()).total_seconds(), self._latest - now)


def written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def connected_report(alias: AssignedAlias) -> StatusReport:
    return StatusReport.model_validate(
        {"epoch": alias.epoch, "attempt_id": str(uuid4()), "from": alias.status, "outcome": "connected"}
    )


def failed_report(alias: AssignedAlias, failure: MailFailure) -> StatusReport:
    return StatusReport.model_validate(
        {
            "epoch": alias.epoch,
            "attempt_id": str(uuid4()),
            "from": alias.status,
            "outcome": "failed",
            "condition": "manual" if failure.condition == "manual" else "recoverable",
            "reason": failure.reason,
            "detail": failure.detail[:1000],
        }
    )
