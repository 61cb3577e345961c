"""A batch of reports: each through conclusion.py in its order, everything written at once."""

import random
from collections.abc import Sequence

from config_api import bulk
from config_api.acting import Act
from config_api.bulk import Bulk
from config_api.outbound import claim_ids, recording, troubles
from config_api.outbound.conclusion import Rules, State, conclude
from config_api.preferences import in_force
from ece_common.contracts.outbound import Outcome, OutcomeAnswer, OutcomeBatch, OutcomeResult

_REACHED = ("judged", "uncertain")


async def report(act: Act, batch: OutcomeBatch, claim_seconds: float) -> OutcomeAnswer:
    act.caller.may_work_for("dispatcher", batch.instance)
    settings = await in_force.partition(act.session)
    rules = Rules(act.now, claim_seconds, settings.uncertain_delivery, random.random)
    rows = await bulk.of(act.session)
    genuine = [one for one in batch.outcomes if claim_ids.genuine(act.vault, one.activity_id, one.claim_id)]
    aliases = await recording.aliases_of(rows, [one.activity_id for one in genuine])
    before = await recording.lock(rows, list(aliases))
    after = dict(before)
    results = [
        _result(index, outcome, after, rules)
        if outcome.activity_id in after and claim_ids.genuine(act.vault, outcome.activity_id, outcome.claim_id)
        else OutcomeResult(index=index, result="refused", reason="unknown_claim")
        for index, outcome in enumerate(batch.outcomes)
    ]
    await recording.write(rows, before, list(after.values()), act.now)
    accepted = [batch.outcomes[result.index] for result in results if result.result == "accepted"]
    await _tell_troubles(act, rows, accepted, aliases)
    return OutcomeAnswer(results=results)


def _result(index: int, outcome: Outcome, states: dict[int, State], rules: Rules) -> OutcomeResult:
    conclusion = conclude(states[outcome.activity_id], outcome, rules)
    states[outcome.activity_id] = conclusion.state
    if conclusion.refusal is not None:
        return OutcomeResult(index=index, result="refused", reason=conclusion.refusal)
    return OutcomeResult(index=index, result="accepted")


async def _tell_troubles(act: Act, rows: Bulk, accepted: Sequence[Outcome], aliases: dict[int, int | None]) -> None:
    """The last report of an alias in the batch counts."""
    found: dict[int, tuple[str, str | None]] = {}
    over: set[int] = set()
    for outcome in accepted:
        alias_id = aliases[outcome.activity_id]
        if alias_id is None:
            continue
        if outcome.outcome == "waiting":
            found[alias_id] = (outcome.reason or "waiting", outcome.detail)
            over.discard(alias_id)
        elif outcome.outcome in _REACHED:
            found.pop(alias_id, None)
            over.add(alias_id)
    await troubles.tell(rows, found, over, act.now)
