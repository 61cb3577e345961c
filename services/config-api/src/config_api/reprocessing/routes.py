"""REST: mail that could not be read is read again; on the worker side its original and what was read of it."""

import json
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from config_api.access.callers import Administrator, Worker
from config_api.acting import Act, AsWorker
from config_api.activities import repository as activities
from config_api.inbound import batches, parts
from config_api.inbound.batches import Batch
from config_api.inbound.routes import FORM
from config_api.jobs import asking, claiming, repository
from config_api.jobs.asking import Desk
from config_api.problems import responses
from config_api.reprocessing import replacing
from ece_common.contracts.jobs import Reprocessing
from ece_common.errors import Conflict, Invalid, NotFound

router = APIRouter()
JobId = Annotated[uuid.UUID, Path(description="As `POST /v1/worker-jobs/claims` answers it.")]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/activities/{activity_id}/reprocess", tags=["activities"], summary="Read an unparsed mail again",
    responses=responses(404, 409),
)  # fmt: skip
async def reprocess(
    activity_id: Annotated[int, Path(ge=1, lt=2**63)], request: Request, _caller: Administrator
) -> Reprocessing:
    """For an activity of subtype `unparsed`, after an upgrade that may read it. A retriever reads its stored
    original; when that works the activity gets its content and keeps its id, else it stays as it is. Waits 30
    seconds at most.
    """
    state = request.app.state
    async with state.sessions() as session:
        row = await activities.get(session, activity_id)
    if row.subtype != replacing.UNPARSED:
        raise Conflict(
            f"activity {activity_id} was read: only an `unparsed` one can be read again", code="not_unparsed"
        )
    found = await asking.ask(Desk(state.sessions, state.changes), "reprocess", activity_id, row.alias_id)
    if found.get("problem"):
        return Reprocessing(activity_id=activity_id, outcome="still_unparsed", reason=str(found["problem"]))
    return Reprocessing.model_validate({**found, "activity_id": activity_id})


async def _activity(act: Act, job_id: uuid.UUID) -> int:
    """That this worker's job is about. Raise `NotFound` or `Forbidden`."""
    row = await claiming.own(act, job_id)
    if row.kind != "reprocess":
        raise NotFound("this job is about no stored mail")
    return row.target_id


@router.get(
    "/worker-jobs/{job_id}/original", tags=["worker side"], summary="Fetch the mail that is to be read again",
    response_class=Response,
    responses={**responses(404), 200: {"description": "The mail.", "content": {"message/rfc822": _BINARY}}},
)  # fmt: skip
async def job_original(job_id: JobId, act: AsWorker) -> Response:
    """The bytes as the mail server had them. Only for the job that was claimed."""
    activity_id = await _activity(act, job_id)
    found = await activities.original(act.session, activity_id)
    if found is None:
        raise NotFound(f"the original of activity {activity_id} is not kept")
    content = act.vault.open_bytes(found.content) if found.sealed else found.content
    return Response(content, media_type="message/rfc822", headers={"Cache-Control": "no-store"})


async def _handed_in(request: Request, _caller: Worker) -> tuple[Batch, memoryview]:
    """Read before a database connection is taken: a slow sender must not hold one."""
    handed_in = parts.split(request.headers.get("content-type", ""), await request.body())
    return batches.read(bytes(handed_in.batch), len(handed_in.contents)), handed_in.contents


@router.put(
    "/worker-jobs/{job_id}/reprocessed", tags=["worker side"], summary="Tell what was read of a stored mail",
    status_code=204, responses=responses(404, 409, 413), openapi_extra=FORM,
)  # fmt: skip
async def report_reprocessed(
    job_id: JobId,
    handed_in: Annotated[tuple[Batch, memoryview], Depends(_handed_in, scope="function")],
    act: AsWorker,
) -> None:
    """As `POST /v1/inbound-messages`, with one message; `epoch` and `mailbox_generation` do not count."""
    activity_id = await _activity(act, job_id)
    batch, contents = handed_in
    if len(batch.envelope.messages) != 1 or batch.refused:
        raise Invalid.field(
            "batch.messages", "must hold the one mail that was read again, in a form that can be stored"
        )
    (message,) = batch.messages.values()
    if message.subtype == replacing.UNPARSED:
        outcome = {"outcome": "still_unparsed", "reason": (message.unparsed_reason or "")[:1000]}
    else:
        await replacing.replace(act, activity_id, message, contents)
        outcome = {"outcome": "reprocessed", "reason": None}
    await repository.conclude(act.session, job_id, json.dumps(outcome))
