"""REST: the event feed and the audit log."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlmodel import col, select

from config_api.access.callers import Administrator
from config_api.database import Session
from config_api.events import feed
from config_api.journal import AuditRow
from config_api.paging import Cursor, Limit, page, position
from config_api.problems import responses
from config_api.query_values import Moment, SearchText
from ece_common.contracts.base import Page
from ece_common.contracts.events import AuditEntry, Event, EventPage

router = APIRouter(tags=["events"])
_Text = Annotated[SearchText | None, Query(max_length=255)]


@router.get("/events", summary="Read the event feed", responses=responses(410))
async def read_feed(
    session: Session,
    caller: Administrator,
    after: Annotated[
        str | None,
        Query(
            max_length=50,
            description="`next_after` of the page before; left out: from the oldest event that is kept.",
        ),
    ] = None,
    limit: Limit = 100,
) -> EventPage:
    """In an order that never changes, with nothing skipped: go on with `next_after`, at the end as well.

    Events are kept for `events_kept_days`. Who asks for older ones gets 410: begin without `after`, and read the
    state of what you follow anew by the lists.
    """
    rows, end = await feed.read(session, feed.position(after), limit, caller.reach.department_ids)
    return EventPage(items=[Event.model_validate(dict(row)) for row in rows], next_after=feed.written(end))


@router.get("/audit-log", summary="Read the audit log", responses=responses())
async def audit_log(
    session: Session,
    caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
    principal: _Text = None,
    action: _Text = None,
    subject: _Text = None,
    department_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    since: Moment | None = None,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
) -> Page[AuditEntry]:
    """Who changed what. `subject` is such as `alias/7`."""
    begin = position(cursor)
    query = select(AuditRow)
    if caller.reach.department_ids is not None:
        query = query.where(col(AuditRow.department_id).in_(sorted(caller.reach.department_ids)))
    for name, value in (("principal", principal), ("action", action), ("subject", subject)):
        if value is not None:
            query = query.where(col(getattr(AuditRow, name)) == value)
    if department_id is not None:
        query = query.where(col(AuditRow.department_id) == department_id)
    if since is not None:
        query = query.where(col(AuditRow.at) >= since)
    if order == "newest":
        query = query.order_by(col(AuditRow.id).desc())
        query = query.where(col(AuditRow.id) < begin) if begin else query
    else:
        query = query.order_by(col(AuditRow.id)).where(col(AuditRow.id) > begin)
    rows = (await session.exec(query.limit(limit + 1))).all()
    return page(rows, limit, lambda row: row.id or 0, AuditEntry.model_validate)
