"""When a deferred message is tried again: soon, then hourly, for five days (RFC 5321 section 4.5.4.1). Pure."""

from datetime import datetime, timedelta

STEPS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
TRIED_FOR = timedelta(days=5)
JITTER = 0.2
"""Up to this part later, so that what was deferred together does not come back together."""


def next_attempt(
    attempts: int, now: datetime, give_up_at: datetime, *, chance: float, at_least: timedelta = timedelta()
) -> datetime | None:
    """After `attempts` attempts (1 or more). None: it has been tried long enough. `chance` is in [0, 1)."""
    if now >= give_up_at:
        return None
    step = STEPS[min(max(attempts, 1), len(STEPS)) - 1]
    return min(now + max(step * (1 + JITTER * chance), at_least), give_up_at)
