"""REST: activities, their attachments and originals."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.activities import downloads, handling, repository, transferring, views
from config_api.activities.repository import Filter
from config_api.database import Session
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from config_api.query_values import Moment, SearchText
from ece_common.contracts.activities import (
    Activity,
    ActivityChange,
    ActivityStatus,
    ActivitySummary,
    Assignment,
    Direction,
    Subtype,
    Transfer,
)
from ece_common.contracts.base import Page
from ece_common.errors import Conflict, NotFound

router = APIRouter(tags=["activities"])
ActivityId = Annotated[int, Path(ge=1, lt=2**63)]
_Id = Annotated[int | None, Query(ge=1, lt=2**63)]
_Text = Annotated[SearchText | None, Query(max_length=1000)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


def _filter(
    caller: Administrator,
    department_id: _Id = None,
    alias_id: _Id = None,
    queue_id: _Id = None,
    parent_id: _Id = None,
    direction: Direction | None = None,
    subtype: Subtype | None = None,
    status: ActivityStatus | None = None,
    assigned_to: _Text = None,
    from_: Annotated[SearchText | None, Query(alias="from", max_length=1000)] = None,
    since: Annotated[Moment | None, Query(description="Came into the system at or after this moment.")] = None,
) -> Filter:
    return Filter(
        department_id=department_id, alias_id=alias_id, queue_id=queue_id, parent_id=parent_id, direction=direction,
        subtype=subtype, status=status, assigned_to=assigned_to, from_=from_, since=since,
        departments=caller.reach.department_ids,
    )  # fmt: skip


@router.get("/activities", summary="List activities", responses=responses())
async def listing(
    session: Session,
    _caller: Administrator,
    wanted: Annotated[Filter, Depends(_filter)],
    limit: Limit = 100,
    cursor: Cursor = None,
    order: Annotated[Literal["oldest", "newest"], Query(description="Which come first.")] = "oldest",
) -> Page[ActivitySummary]:
    """In the order in which they came in; filters combine. Bodies and headers stand in the single activity."""
    rows = await repository.summaries(session, wanted, position(cursor), limit + 1, newest_first=order == "newest")
    return page(rows, limit, lambda row: row.id, ActivitySummary.model_validate)


@router.get("/activities/{activity_id}", summary="Read an activity", responses=responses(404))
async def read(activity_id: ActivityId, session: Session, _caller: Administrator, response: Response) -> Activity:
    """One e-mail with its bodies, headers and the list of its attachments."""
    row = await repository.get(session, activity_id)
    preconditions.stamp(response, row.version)
    return await views.whole(session, row)


@router.patch(
    "/activities/{activity_id}",
    summary="Change an activity's status or queue",
    responses=responses(404, 409, 412),
)
async def change(
    activity_id: ActivityId,
    wanted: ActivityChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> Activity:
    """A merge patch (RFC 7396). The status of an outgoing activity follows its delivery."""
    row = await handling.change(act, activity_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return await views.whole(act.session, row)


@router.post("/activities/{activity_id}/assign", summary="Assign an activity", responses=responses(404, 412))
async def assign(
    activity_id: ActivityId,
    wanted: Assignment,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> Activity:
    """To whom the name stands for; null gives it back to its queue."""
    row = await handling.assign(act, activity_id, wanted.assigned_to, if_match)
    preconditions.stamp(response, row.version)
    return await views.whole(act.session, row)


@router.post(
    "/activities/{activity_id}/transfer",
    summary="Transfer an activity to another department",
    responses=responses(404, 409, 412),
)
async def transfer(
    activity_id: ActivityId, wanted: Transfer, act: AsAdministrator, response: Response, if_match: IfMatch = None
) -> Activity:
    """Answers keep their From, or come from the destination's default alias, as the destination's setting
    `from_on_transfer` says. Whoever had it loses it: it is new in the queue there.
    """
    row = await transferring.transfer(act, activity_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return await views.whole(act.session, row)


@router.get(
    "/activities/{activity_id}/attachments/{n}/content",
    summary="Download an attachment",
    response_class=Response,
    responses={**responses(404, 409), 200: {"description": "The file.", "content": {"*/*": _BINARY}}},
)
async def attachment(
    activity_id: ActivityId, n: Annotated[int, Path(ge=1, lt=2**31)], session: Session, _caller: Administrator
) -> Response:
    """As the sender sent it: to be saved, not shown."""
    await repository.get(session, activity_id)
    found = await repository.attachment(session, activity_id, n)
    if found is None or found.state == "deleted" or (found.content is None and found.state == "available"):
        raise NotFound(f"activity {activity_id} has no attachment {n}" + (" any more" if found else ""))
    if found.state == "quarantined" or found.content is None:
        raise Conflict(
            f"attachment {n} is quarantined: restore it under /blocked-attachments first",
            code="attachment_quarantined",
        )
    return downloads.download(found.content, found.name, found.content_type)


@router.get(
    "/activities/{activity_id}/original",
    summary="Download the original mail",
    response_class=Response,
    responses={**responses(404), 200: {"description": "The mail.", "content": {"message/rfc822": _BINARY}}},
)
async def original(activity_id: ActivityId, act: AsAdministrator) -> Response:
    """The bytes as the mail server had them (.eml). Reading one that could not be parsed is audited: nothing in it
    is masked.
    """
    row = await repository.get(act.session, activity_id)
    found = await repository.original(act.session, activity_id)
    if found is None:
        reason = (
            "it is outgoing"
            if row.direction == "outbound"
            else "with masking on, or an attachment blocked, it would show what was taken out"
        )
        raise NotFound(f"the original of activity {activity_id} is not kept: {reason}")
    if found.sealed:
        act.audit("activity.original_read", f"activity/{activity_id}", {}, department_id=row.department_id)
    content = act.vault.open_bytes(found.content) if found.sealed else found.content
    return downloads.download(content, f"{activity_id}.eml", "message/rfc822")
