"""The event feed: in the order in which transactions became visible, none ever skipped.

Ids are given before commit: a reader that went by them could pass an event whose transaction ends later. So the feed
goes by transaction, and shows only what is older than every transaction that still runs; nothing can come in between
any more. `feed_offset` keeps positions growing where transaction ids do not: see `migrating.py`.
"""

import re

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk
from ece_common.errors import Invalid

Cursor = tuple[int, int]
START: Cursor = (0, 0)

_CURSOR = re.compile(r"(\d{1,19})\.(\d{1,19})\Z", re.ASCII)
_VISIBLE = """
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


def position(after: str | None) -> Cursor:
    if after is None or after == "":
        return START
    found = _CURSOR.match(after)
    if found is None or int(found[1]) >= 2**63 or int(found[2]) >= 2**63:
        raise Invalid.field("query.after", "is not a position; use `next_after` of the page before")
    return int(found[1]), int(found[2])


def written(cursor: Cursor) -> str:
    return f"{cursor[0]}.{cursor[1]}"


async def after(session: AsyncSession, cursor: Cursor, count: int) -> list[asyncpg.Record]:
    return await (await bulk.of(session)).fetch(_VISIBLE, *cursor, count)


async def of_departments(
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
        return found, (found[-1]["xid"], found[-1]["id"])
    return found, max(cursor, (horizon, 0))
