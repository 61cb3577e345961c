"""REST, the worker side: heartbeats, assignments, status reports."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from prometheus_client import Counter
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Worker
from config_api.acting import AsWorker
from config_api.database import Sessions
from config_api.instances import assignment, beating, reporting, repository, waiting
from config_api.instances.assignment import Asked, Rendered
from config_api.instances.routes import Kind
from config_api.problems import responses
from ece_common.contracts.aliases import StatusAnswer, StatusReport
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import DispatcherAssignment, Heartbeat, HeartbeatAnswer, RetrieverAssignment
from ece_common.contracts.mistakes import NAMED

LONGEST_WAIT = 60
InstanceName = Annotated[str, Path(min_length=1, max_length=64, pattern=NAMED)]
ReplicaName = Annotated[str, Path(min_length=1, max_length=128, pattern=NAMED)]
IfNoneMatch = Annotated[str | None, Header(max_length=200, description="The `ETag` of the assignment that is known.")]
Wait = Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for another assignment.")]
Build = Callable[[AsyncSession, Asked], Awaitable[Rendered]]

router = APIRouter(tags=["worker side"])
_both = APIRouter()


@_both.put(
    "/{instance}/replicas/{replica}/heartbeat", summary="Say that a replica lives", responses=responses(404, 409)
)
async def heartbeat(
    kind: Kind, instance: InstanceName, replica: ReplicaName, heard: Heartbeat, act: AsWorker, request: Request
) -> HeartbeatAnswer:
    """Renews the replica's leases, gives out free ones and asks for those that others shall have. 409
    `replica_superseded`: a newer process has this name.
    """
    handovers: Counter = request.app.state.handovers
    terms = beating.Terms(request.app.state.settings.lease_seconds, handovers.inc)
    return await beating.beat(act, kind, instance, replica, heard, terms=terms)


def _answers(model: type) -> dict[int | str, dict[str, Any]]:
    unchanged: dict[str, Any] = {"description": "The assignment is the one that is known."}
    return {**responses(404), 200: {"model": model, "description": "Another assignment."}, 304: unchanged}


@router.get(
    "/retriever-instances/{instance}/replicas/{replica}/assignments",
    summary="Ask what to retrieve",
    response_model=None,
    responses=_answers(RetrieverAssignment),
)
async def retriever_assignment(
    instance: InstanceName,
    replica: ReplicaName,
    caller: Worker,
    request: Request,
    if_none_match: IfNoneMatch = None,
    wait: Wait = 0.0,
) -> Response:
    """The aliases leased to this replica, with their passwords. With `If-None-Match` and `wait`, a long poll."""
    caller.may_work_for("retriever", instance)
    vault = request.app.state.vault

    async def build(session: AsyncSession, asked: Asked) -> Rendered:
        return await assignment.for_retriever(session, asked, vault, request.app.state.hooks.department_policies)

    asked = Asked(0, instance, replica, request.app.state.settings.lease_seconds)
    return await _assignment(request, "retriever", asked, build, known=if_none_match, wait=wait)


@router.get(
    "/dispatcher-instances/{instance}/replicas/{replica}/assignments",
    summary="Ask whose mail to send",
    response_model=None,
    responses=_answers(DispatcherAssignment),
)
async def dispatcher_assignment(
    instance: InstanceName,
    replica: ReplicaName,
    caller: Worker,
    request: Request,
    if_none_match: IfNoneMatch = None,
    wait: Wait = 0.0,
) -> Response:
    """The aliases whose messages this instance claims. No passwords: each claimed message brings its own."""
    caller.may_work_for("dispatcher", instance)
    asked = Asked(0, instance, replica, request.app.state.settings.lease_seconds)
    return await _assignment(request, "dispatcher", asked, assignment.for_dispatcher, known=if_none_match, wait=wait)


async def _assignment(
    request: Request, kind: ServiceKind, asked: Asked, build: Build, *, known: str | None, wait: float
) -> Response:
    state = request.app.state
    sessions: Sessions = state.sessions

    async def look() -> str:
        async with sessions() as session:
            instance_id, version = await repository.named(session, kind, asked.instance)
            return f'"{instance_id}.{version}"'

    async with sessions() as session:
        instance_id, _ = await repository.named(session, kind, asked.instance)
    topic = repository.topic(instance_id)
    etag = await waiting.changed(state.changes, topic, look, _strong(known), wait)
    headers = {"Cache-Control": "no-store"}
    if etag is None:
        return Response(status_code=304, headers={**headers, "ETag": known or ""})
    # The version was read first: what is read now is at least as new, and a change in between is told once more.
    async with sessions() as session:
        rendered = await build(session, replace(asked, instance_id=instance_id))
    body = await asyncio.to_thread(rendered)
    return Response(body, media_type="application/json", headers={**headers, "ETag": etag})


def _strong(tag: str | None) -> str | None:
    return tag.strip().removeprefix("W/") if tag is not None else None


@router.post(
    "/aliases/{alias_id}/status-transitions",
    summary="Tell how an attempt went",
    responses=responses(404, 409),
)
async def report_status(
    alias_id: Annotated[int, Path(ge=1, lt=2**63)], told: StatusReport, act: AsWorker
) -> StatusAnswer:
    """The Config API counts failures and decides. A repeated `attempt_id` changes nothing, nor does a report that
    crosses an administrator's decision. 409 `stale_epoch`: the alias was handed over; drop it.
    """
    return await reporting.report(act, alias_id, told)


router.include_router(_both, prefix="/retriever-instances")
router.include_router(_both, prefix="/dispatcher-instances")
