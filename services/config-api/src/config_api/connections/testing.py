"""A connection test of an alias: its retriever tries the incoming side, its dispatcher the outgoing one."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config_api.accounts.renewing import Renewals
from config_api.aliases import repository as aliases
from config_api.connections import verdict
from config_api.jobs import asking
from config_api.jobs.asking import Desk
from ece_common.contracts.jobs import ConnectionStep, ConnectionTest, ConnectionTestRequest, JobKind, Side
from ece_common.errors import Conflict, Transient

_JOBS: dict[Side, JobKind] = {"incoming": "test_incoming", "outgoing": "test_outgoing"}


@dataclass(frozen=True, slots=True)
class Bench:
    """With what is tested."""

    desk: Desk
    renewals: Renewals


async def of_alias(bench: Bench, alias_id: int, wanted: ConnectionTestRequest) -> ConnectionTest:
    """Raise `NotFound`, `NoLiveReplica` or `TimedOut`."""
    async with bench.desk.sessions() as session:
        alias = await aliases.get(session, alias_id)
    sides = _sides_of(wanted)
    if alias.account_id is not None:
        try:
            # One that has run out is replaced here; one that a server refuses by the worker, as in real work.
            await bench.renewals.token(alias.account_id, None)
        except (Conflict, Transient) as problem:
            return verdict.conclude([verdict.undone(side, problem.detail) for side in sides])
    return verdict.conclude(await steps_of(bench.desk, alias_id, sides))


def _sides_of(wanted: ConnectionTestRequest) -> list[Side]:
    asked: list[tuple[Side, bool]] = [("incoming", wanted.incoming), ("outgoing", wanted.outgoing)]
    return [side for side, is_wanted in asked if is_wanted]


async def steps_of(desk: Desk, alias_id: int, sides: Sequence[Side]) -> list[ConnectionStep]:
    """All sides at once. Raise as `asking.ask` does."""
    results = await asyncio.gather(*(asking.ask(desk, _JOBS[side], alias_id, alias_id) for side in sides))
    return [step for side, result in zip(sides, results, strict=True) for step in _steps(side, result)]


def _steps(side: Side, result: Mapping[str, Any]) -> list[ConnectionStep]:
    if result.get("problem"):
        return [verdict.undone(side, str(result["problem"]))]
    return [ConnectionStep.model_validate(one) for one in result.get("steps", [])]
