"""Who may do a job: one worker of its instance at a time, who alone may tell its result."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Caller
from config_api.acting import Act
from config_api.aliases import repository as aliases
from config_api.database import Sessions
from config_api.instances import repository as instances
from config_api.instances.token_asking import NO_ACCOUNT
from config_api.jobs import handing_out, repository
from config_api.jobs.tables import JobRow
from config_api.references import Hooks
from config_api.sealing import Vault
from ece_common.contracts.jobs import JOB_SERVICE, Job, JobKind, JobResult
from ece_common.errors import Conflict, EceError, NotFound


async def claim(sessions: Sessions, vault: Vault, hooks: Hooks, instance_id: int, replica: str) -> Job | None:
    """The oldest job that nobody has in hand."""
    async with sessions() as session, session.begin():
        row = await repository.claim(session, instance_id, replica)
        if row is None:
            return None
        try:
            return await handing_out.job(session, row, vault, hooks)
        except EceError as problem:
            # Nobody can do it, and whoever waits shall know why.
            told = JobResult(instance="config-api", replica="config-api", problem=problem.detail[:1000])
            await repository.conclude(session, row.id, told.model_dump_json())
            return None


async def own(act: Act, job_id: uuid.UUID) -> JobRow:
    """Raise `NotFound` when nobody waits for it any more, `Forbidden` when it is another instance's."""
    return await _own(act.session, act.caller, job_id)


async def account_for(session: AsyncSession, caller: Caller, job_id: uuid.UUID) -> int:
    """The account that the job's alias is tried as. Raise as `own`, and `Conflict` where there is none."""
    row = await _own(session, caller, job_id)
    if row.done_at is not None:
        raise NotFound("the job is done: nobody waits for it any more")
    account_id = row.account_id
    if account_id is None and row.kind in ("test_incoming", "test_outgoing"):
        account_id = (await aliases.get(session, row.target_id)).account_id
    if account_id is None:
        raise Conflict("the job is about no alias of an account", code=NO_ACCOUNT)
    return account_id


async def _own(session: AsyncSession, caller: Caller, job_id: uuid.UUID) -> JobRow:
    row = await repository.get(session, job_id)
    kind: JobKind = row.kind  # pyright: ignore[reportAssignmentType] - written from the same type
    instance = await instances.get(session, JOB_SERVICE[kind], row.instance_id)
    caller.may_work_for(JOB_SERVICE[kind], instance.name)
    return row


async def conclude(act: Act, job_id: uuid.UUID, result: JobResult) -> None:
    """The first result counts."""
    row = await own(act, job_id)
    if row.kind == "reprocess" and result.problem is None:
        raise NotFound("what was read again is told with `PUT /v1/worker-jobs/{job_id}/reprocessed`")
    await repository.conclude(act.session, row.id, result.model_dump_json())
