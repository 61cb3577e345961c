"""Somebody asks, a worker does it, and the answer comes back: at most 30 seconds, holding no database connection."""

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from config_api.changes import Changes
from config_api.database import Sessions
from config_api.jobs import repository
from ece_common.contracts.jobs import JOB_SERVICE, JobKind
from ece_common.errors import Transient

PATIENCE = 30.0
_LOOK_AGAIN = 2.0
"""A notification that gets lost costs so many seconds."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where jobs are asked for."""

    sessions: Sessions
    changes: Changes
    patience: float = PATIENCE


class NoLiveReplica(Transient):
    code = "no_live_replica"
    title = "No worker is there to do it"


class TimedOut(Transient):
    code = "job_timed_out"
    title = "The worker did not answer in time"


async def ask(
    desk: Desk, kind: JobKind, target_id: int, alias_id: int | None, *, account_id: int | None = None
) -> Mapping[str, Any]:
    """The worker's result, as it was stored. With `account_id` an alias is tested as if it were in that account.
    Raise `NoLiveReplica` or `TimedOut`.
    """
    service = JOB_SERVICE[kind]
    async with desk.sessions() as session, session.begin():
        instance = await repository.instance_for(session, service, alias_id)
        assert instance.id is not None
        if not await repository.is_live(session, instance.id):
            raise NoLiveReplica(
                f"no replica of {service} instance {instance.name!r} is live, and only a {service} can do this: "
                f"start one (GET /v1/{service}-instances shows them)"
            )
        job_id = await repository.post(session, kind, target_id, instance.id, desk.patience, account_id=account_id)
    found = await _result(desk, job_id)
    if found is None:
        raise TimedOut(
            f"{service} instance {instance.name!r} did not answer within {desk.patience:g} seconds: the server may "
            "be slow, or the worker is busy; try again"
        )
    return found


async def _result(desk: Desk, job_id: uuid.UUID) -> Mapping[str, Any] | None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + desk.patience
    awake, forget = desk.changes.subscribe(repository.done(job_id))
    try:
        while True:
            awake.clear()
            async with desk.sessions() as session:
                row = await repository.get(session, job_id)
            if row.done_at is not None:
                return repository.told(row)
            left = deadline - loop.time()
            if left <= 0 or desk.changes.closed:
                return None
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, _LOOK_AGAIN)):
                    await awake.wait()
    finally:
        forget()
