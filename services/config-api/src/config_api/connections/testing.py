"""A connection test of an alias: its retriever tries the incoming side, its dispatcher the outgoing one."""

import asyncio
from collections.abc import Mapping
from typing import Any

from config_api.aliases import repository as aliases
from config_api.connections import verdict
from config_api.jobs import asking
from config_api.jobs.asking import Desk
from ece_common.contracts.jobs import ConnectionStep, ConnectionTest, ConnectionTestRequest, JobKind, Side

_JOBS: dict[Side, JobKind] = {"incoming": "test_incoming", "outgoing": "test_outgoing"}


async def of_alias(desk: Desk, alias_id: int, wanted: ConnectionTestRequest) -> ConnectionTest:
    """Raise `NotFound`, `NoLiveReplica` or `TimedOut`."""
    async with desk.sessions() as session:
        await aliases.get(session, alias_id)
    return verdict.conclude(await steps_of(desk, alias_id, wanted))


async def steps_of(desk: Desk, alias_id: int, wanted: ConnectionTestRequest) -> list[ConnectionStep]:
    """Both sides at once. Raise as `asking.ask` does."""
    sides: list[Side] = []
    if wanted.incoming:
        sides.append("incoming")
    if wanted.outgoing:
        sides.append("outgoing")
    asked = [asking.ask(desk, _JOBS[side], alias_id, alias_id) for side in sides]
    results = await asyncio.gather(*asked)
    return [step for side, result in zip(sides, results, strict=True) for step in _steps(side, result)]


def _steps(side: Side, result: Mapping[str, Any]) -> list[ConnectionStep]:
    if result.get("problem"):
        return [verdict.undone(side, str(result["problem"]))]
    return [ConnectionStep.model_validate(one) for one in result.get("steps", [])]
