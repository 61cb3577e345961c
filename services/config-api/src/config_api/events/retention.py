"""Events older than `events_kept_days` leave the feed: from its beginning, in its own order, and nothing out of it.

So one position tells all that is gone. A reader at or after it misses nothing, and one before it is told so. The
ledger and the audit log are never purged: mail would be taken twice, and who did what is a record.
"""

from collections.abc import Awaitable, Callable
from itertools import takewhile

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk
from config_api.database import Sessions
from config_api.events.feed import Cursor
from config_api.journal import PurgedRow
from config_api.preferences import in_force

SECONDS = 300.0
"""How often each process looks whether something is old enough."""
AT_ONCE = 1000
_MOST_BATCHES = 20
"""In one turn: years of events, on the first one, are no reason to keep the database busy for minutes."""

# By the clock that dated them. From the last position on: the index still holds what was purged lately.
OLDEST = """
    SELECT xid, id, at < now() - make_interval(days => $3) AS old FROM events
    WHERE xid >= $1 AND (xid, id) > ($1, $2) AND xid <= $4 AND (xid, id) <= ($4, $5) AND xid < feed_horizon()
    ORDER BY xid, id LIMIT $6
"""
DELETE = "DELETE FROM events WHERE id = ANY($1)"
log = structlog.get_logger()

ToldUpTo = Callable[[AsyncSession], Awaitable[Cursor | None]]


class Purger:
    """In the background of every process; one row's lock lets one of them purge.

    `told_up_to`: what notifications have not told yet is kept, however old. None: nothing was told so far.
    """

    def __init__(self, sessions: Sessions, told_up_to: ToldUpTo, *, at_once: int = AT_ONCE) -> None:
        self._sessions = sessions
        self._told_up_to = told_up_to
        self._at_once = at_once

    async def purge(self) -> int:
        """In small transactions. How many events went."""
        total = 0
        for _ in range(_MOST_BATCHES):
            gone = await self._batch()
            total += gone
            if gone < self._at_once:
                break
        if total:
            log.info("events.purged", events=total)
        return total

    async def _batch(self) -> int:
        async with self._sessions() as session, session.begin():
            query = select(PurgedRow).where(col(PurgedRow.id) == 1).with_for_update(skip_locked=True)
            last = (await session.exec(query)).first()
            told = await self._told_up_to(session)
            if last is None or told is None:
                return 0
            days = (await in_force.partition(session)).events_kept_days
            rows = await bulk.of(session)
            found = await rows.fetch(OLDEST, last.xid, last.event_id, days, *told, self._at_once)
            # Transactions do not begin in the order of their ids: what comes after a younger one waits for it.
            old = list(takewhile(lambda row: row["old"], found))
            if old:
                await rows.execute(DELETE, [row["id"] for row in old])
                last.xid, last.event_id = old[-1]["xid"], old[-1]["id"]
            return len(old)
