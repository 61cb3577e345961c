"""The event feed: in the order in which transactions became visible, none ever skipped.

Ids are given before commit: a reader that went by them could pass an event whose transaction ends later. So the feed
goes by transaction, and shows only what is older than every transaction that still runs; nothing can come in between
any more. `feed_offset` keeps positions growing where transaction ids do not: see `migrating.py`. Old events leave it
in the same order: see `retention.py`.
"""

import re

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk
from ece_common.errors import Gone, Invalid

Cursor = tuple[int, int]

_CURSOR = re.compile(r"(\d{1,19})\.(\d{1,19})\Z", re.ASCII)
VISIBLE = """
    SELECT id, xid, type, subject, department_id, data, at FROM events
    WHERE xid >= $1 AND (xid, id) > ($1, $2) AND xid < feed_horizon()
    ORDER BY xid, id LIMIT $3
"""

_OF_DEPARTMENTS = """
    SELECT id, xid, type, subject, department_id, data, at FROM events
    WHERE xid >= $1 AND (xid, id) > ($1, $2) AND xid < $4
      AND (department_id = ANY($5)
           OR type = 'activity.transferred' AND (data->>'from_department_id')::bigint = ANY($5))
    ORDER BY xid, id LIMIT $3
"""

_PURGED = "SELECT xid, event_id AS id FROM events_purged"
_EXPIRED = (
    "query.after: events after this position are kept no longer (`events_kept_days`): begin without `after`, at the "
    "oldest event that is kept, and read the state of what you follow anew by the lists"
)


def position(after: str | None) -> Cursor | None:
    if after is None or after == "":
        return None
    found = _CURSOR.match(after)
    if found is None or int(found[1]) >= 2**63 or int(found[2]) >= 2**63:
        raise Invalid.field("query.after", "is not a position; use `next_after` of the page before")
    return int(found[1]), int(found[2])


def written(cursor: Cursor) -> str:
    return f"{cursor[0]}.{cursor[1]}"


async def read(
    session: AsyncSession, after: Cursor | None, count: int, department_ids: frozenset[int] | None
) -> tuple[list[asyncpg.Record], Cursor]:
    """Events after a position, or from the oldest that is kept, and the position to go on from.

    Raises Gone when events after the position are kept no longer.
    """
    begin = await purged(session) if after is None else after
    if department_ids is None:
        found = await (await bulk.of(session)).fetch(VISIBLE, *begin, count)
        end = _place(found[-1]) if found else begin
    else:
        found, end = await _of_departments(session, begin, count, department_ids)
    # Looked up after the events were read: a purge that ended in between may have taken some of those asked for.
    if after is not None and after < await purged(session):
        raise Gone(_EXPIRED, code="position_expired")
    return found, end


async def purged(session: AsyncSession) -> Cursor:
    """The position of the last event that was purged: nothing after it is missing."""
    return _place((await (await bulk.of(session)).fetch(_PURGED))[0])


async def _of_departments(
    session: AsyncSession, cursor: Cursor, count: int, department_ids: frozenset[int]
) -> tuple[list[asyncpg.Record], Cursor]:
    """Events of these departments, with what left them for others, and the position after them: past others' events
    too, so that no call looks through those again.
    """
    rows = await bulk.of(session)
    # Before the events are read: what is below it can only have been committed already.
    (horizon,) = (await rows.fetch("SELECT feed_horizon()"))[0]
    found = await rows.fetch(_OF_DEPARTMENTS, *cursor, count, horizon, sorted(department_ids))
    if len(found) == count:
        return found, _place(found[-1])
    return found, max(cursor, (horizon, 0))


def _place(row: asyncpg.Record) -> Cursor:
    return row["xid"], row["id"]
