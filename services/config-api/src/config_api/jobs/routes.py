"""REST, the worker side: jobs are claimed and their results told."""

import asyncio
import uuid
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from config_api.access.callers import Worker
from config_api.accounts.renewing import Renewals
from config_api.acting import AsWorker
from config_api.instances import repository as instances
from config_api.jobs import claiming, repository
from config_api.problems import responses
from ece_common.contracts.jobs import JobAnswer, JobRequest, JobResult
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest

router = APIRouter(tags=["worker side"])
JobId = Annotated[uuid.UUID, Path(description="As `POST /v1/worker-jobs/claims` answers it.")]
_LOOK_AGAIN = 5.0
"""Seconds: the job of a worker that died becomes free without anybody saying so."""


@router.post("/worker-jobs/claims", summary="Ask for a job", responses=responses(404))
async def claim_job(asked: JobRequest, caller: Worker, request: Request) -> JobAnswer:
    """A connection test or the reading again of a stored mail, with the access that it needs. A long poll."""
    caller.may_work_for(asked.kind, asked.instance)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + asked.wait
    state = request.app.state
    async with state.sessions() as session:
        instance_id, _ = await instances.named(session, asked.kind, asked.instance)
    awake, forget = state.changes.subscribe(repository.wanted(instance_id))
    try:
        while True:
            awake.clear()
            found = await claiming.claim(state.sessions, state.vault, state.hooks, instance_id, asked.replica)
            left = deadline - loop.time()
            if found is not None or left <= 0 or state.changes.closed:
                return JobAnswer(job=found)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_AGAIN)):
                    await awake.wait()
    finally:
        forget()


@router.put("/worker-jobs/{job_id}/result", status_code=204, summary="Tell how a job went", responses=responses(404))
async def report_job(job_id: JobId, result: JobResult, act: AsWorker) -> None:
    """The first result counts; a repeated or late one changes nothing. 404: nobody waits for it any more."""
    await claiming.conclude(act, job_id, result)


@router.post(
    "/worker-jobs/{job_id}/access-tokens",
    summary="Ask for another access token for a connection test",
    responses=responses(404, 409),
)
async def job_token(
    job_id: JobId, asked: AccessTokenRequest, caller: Worker, request: Request, response: Response
) -> AccessToken:
    """As `POST /v1/aliases/{alias_id}/access-tokens`, for whoever has the job in hand: also where the alias is tried
    as if it were in an account. 404: nobody waits for it any more. 409 `account_invalid` or `account_inactive`: only
    an administrator helps. 503 `identity_provider_unavailable`: the identity provider does not answer.
    """
    state = request.app.state
    # Not held while the provider is asked.
    async with state.sessions() as session:
        account_id = await claiming.account_for(session, caller, job_id)
    renewals: Renewals = state.renewals
    held = await renewals.token(account_id, asked.refused)
    response.headers["Cache-Control"] = "no-store"
    return AccessToken(access_token=held.access_token, expires_at=held.expires_at)
