"""REST: replies and new messages, deliveries; on the worker side claims and their outcomes."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Administrator, Caller, Worker
from config_api.acting import Act, AsAdministrator, AsWorker
from config_api.activities import downloads
from config_api.changes import OUTBOUND
from config_api.database import Session, Sessions
from config_api.idempotency import OnceOnly
from config_api.outbound import claiming, composing, outcomes, replying, repository, steering
from config_api.outbound.waiting import Poll, wait_for_work
from config_api.problems import responses
from ece_common.contracts.activities import Activity, Delivery, NewMessage, NewReply
from ece_common.contracts.outbound import ClaimAnswer, ClaimRequest, OutcomeAnswer, OutcomeBatch
from ece_common.errors import Forbidden

router = APIRouter()
ActivityId = Annotated[int, Path(ge=1, lt=2**63)]
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/activities/{activity_id}/replies",
    status_code=201,
    tags=["activities"],
    summary="Reply",
    responses=responses(404, 409, 413),
)
async def reply(activity_id: ActivityId, new: NewReply, act: AsAdministrator, once: OnceOnly) -> Activity:
    """Only `text` or `html` is needed. From is the redirection address the mail came in by, else the alias's; To is
    Reply-To or From. An automatic answer to an automatic mail is refused with 409 `mail_loop`.
    """
    return await once.run(Activity, lambda: replying.reply(act, activity_id, new))


@router.post(
    "/departments/{department_id}/activities",
    status_code=201,
    tags=["activities"],
    summary="Send a new message",
    responses=responses(404, 409, 413),
)
async def compose(department_id: DepartmentId, new: NewMessage, act: AsAdministrator, once: OnceOnly) -> Activity:
    """From is the department's default alias, or `from_address`: any address of an alias of the department."""
    return await once.run(Activity, lambda: composing.compose(act, department_id, new))


@router.get(
    "/activities/{activity_id}/delivery", tags=["deliveries"], summary="Read a delivery", responses=responses(404)
)
async def read(activity_id: ActivityId, session: Session, _caller: Administrator) -> Delivery:
    """How far an outgoing activity has come: each recipient with what the server said."""
    return await repository.delivery(session, activity_id)


@router.post(
    "/activities/{activity_id}/delivery/retry",
    tags=["deliveries"],
    summary="Try a delivery now",
    responses=responses(404, 409),
)
async def retry(activity_id: ActivityId, act: AsAdministrator) -> Delivery:
    """Failed, uncertain or queued: whoever was not sent to is tried at once. Of an uncertain one the recipient may
    get it twice.
    """
    await steering.retry(act, activity_id)
    return await repository.delivery(act.session, activity_id)


@router.post(
    "/activities/{activity_id}/delivery/cancel",
    tags=["deliveries"],
    summary="Cancel a delivery",
    responses=responses(404, 409),
)
async def cancel(activity_id: ActivityId, act: AsAdministrator) -> Delivery:
    """Queued or uncertain; 409 when it is under way or has ended."""
    await steering.cancel(act, activity_id)
    return await repository.delivery(act.session, activity_id)


@router.post("/outbound-claims", tags=["worker side"], summary="Claim messages to send", responses=responses(404))
async def claim_messages(wanted: ClaimRequest, caller: Worker, request: Request) -> ClaimAnswer:
    """Each message is handed to one dispatcher until its claim expires. With `wait` the answer comes as soon as there
    is work.
    """
    state = request.app.state
    answer = ClaimAnswer(claims=[], routes={})
    looked_at: datetime = state.clock()

    async def look() -> bool:
        nonlocal answer, looked_at
        if await request.is_disconnected():
            return True
        async with _opened(request) as session, session.begin():
            looked_at = state.clock()
            act = Act(session, caller, state.hooks, state.vault, looked_at)
            answer = await claiming.claim(act, wanted, state.settings.claim_seconds)
        return bool(answer.claims)

    async def next_due() -> float | None:
        async with _opened(request) as session, session.begin():
            return await repository.next_due(session, looked_at)

    await wait_for_work(Poll(state.changes, OUTBOUND, look, next_due), wanted.wait)
    return answer


def _opened(request: Request) -> AsyncSession:
    # Not the request's session: a long poll must hold no connection while it waits.
    sessions: Sessions = request.app.state.sessions
    return sessions()


@router.get(
    "/outbound-claims/{claim_id}/attachments/{n}",
    tags=["worker side"],
    summary="Fetch a file of a claimed message",
    response_class=Response,
    responses={**responses(404), 200: {"description": "The file.", "content": {"*/*": _BINARY}}},
)
async def message_attachment(
    claim_id: Annotated[str, Path(max_length=100)], n: Annotated[int, Path(ge=1, lt=2**31)], act: AsWorker
) -> Response:
    """While the claim is open."""
    _require_dispatcher(act.caller)
    found = await repository.file_of_claim(act.session, claim_id, n, act.now)
    return downloads.download(found.content or b"", found.name, found.content_type)


def _require_dispatcher(caller: Caller) -> None:
    if caller.kind not in (None, "dispatcher"):
        raise Forbidden("this is the dispatchers' side; the token is a retriever's")


@router.post(
    "/outbound-outcomes", tags=["worker side"], summary="Report what became of messages", responses=responses(413)
)
async def report_outcomes(batch: OutcomeBatch, act: AsWorker, request: Request) -> OutcomeAnswer:
    """One result a report, in order. `refused` to `sending` means: do not send, the claim is lost."""
    return await outcomes.report(act, batch, request.app.state.settings.claim_seconds)
