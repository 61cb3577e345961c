"""Where a mail goes when it comes in: what its alias's workflow says, or the department's own queues."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk
from config_api.routing import deciding, repository
from config_api.routing.deciding import Decision, Running
from config_api.routing.facts import Facts
from ece_common.contracts.activities import Subtype
from ece_common.contracts.workflows import AutoAcknowledge, Rule

_EXCEPTIONS: frozenset[str] = frozenset(
    {"email_permanent_undeliverable", "email_temporary_undeliverable", "unparsed"}
)
_IN_FORCE = """
    SELECT w.id, w.name, w.on_exception_queue, w.rules::text AS rules FROM workflows w
    WHERE w.department_id = $1 AND w.active AND (
        EXISTS (SELECT FROM workflow_aliases a WHERE a.workflow_id = w.id AND a.alias_id = $2)
        OR w.on_exception_queue AND NOT EXISTS (SELECT FROM workflow_aliases a WHERE a.workflow_id = w.id))
    ORDER BY EXISTS (SELECT FROM workflow_aliases a WHERE a.workflow_id = w.id) DESC
"""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an activity begins."""

    queue_id: int | None
    priority: int | None = None
    due_at: datetime | None = None
    tags: list[str] = field(default_factory=list[str])
    routing_error: str | None = None
    acknowledge: AutoAcknowledge | None = None


@dataclass(frozen=True, slots=True)
class Queues:
    """The two queues that every department has, and the workflows in force for an alias."""

    default: int | None
    exception: int | None
    start: Running | None = None
    on_exception_queue: Running | None = None

    @property
    def needs_facts(self) -> bool:
        return self.start is not None or self.on_exception_queue is not None

    def place(self, subtype: Subtype, facts: Facts | None, now: datetime) -> Placed:
        """The standard start: delivery reports, and what nothing could read, wait apart from customers' mail (R245).
        So does what a workflow failed on. What waits there is given to the workflow for it, once (R247).
        """
        decision = Decision()
        queue_id = self.exception
        if subtype not in _EXCEPTIONS:
            if self.start is not None and facts is not None:
                decision = deciding.decide(self.start, facts)
            queue_id = self.exception if decision.error else decision.queue_id or self.default
        if queue_id == self.exception and self.on_exception_queue is not None and facts is not None:
            entered = deciding.decide(self.on_exception_queue, replace(facts, routing_error=decision.error))
            queue_id = entered.queue_id or queue_id
            decision = decision.then(entered)
        due = decision.service_level_minutes
        return Placed(
            queue_id=queue_id,
            priority=decision.priority,
            due_at=None if due is None else now + timedelta(minutes=due),
            tags=decision.tags,
            routing_error=decision.error,
            acknowledge=decision.acknowledge,
        )


def is_exception(subtype: str) -> bool:
    """Whether such mail goes to the exception queue, past the alias's workflow."""
    return subtype in _EXCEPTIONS


async def queues_of(session: AsyncSession, department_id: int, alias_id: int) -> Queues:
    found = await (await bulk.of(session)).fetch(_IN_FORCE, department_id, alias_id)
    running = [(row["on_exception_queue"], _running(row["id"], row["name"], row["rules"])) for row in found]
    return Queues(
        default=await repository.default_of(session, department_id),
        exception=await repository.exception_of(session, department_id),
        start=next((one for on_exception_queue, one in running if not on_exception_queue), None),
        on_exception_queue=next((one for on_exception_queue, one in running if on_exception_queue), None),
    )


def _running(identity: int, name: str, rules: str) -> Running:
    return Running(identity, name, _rules(rules))


@lru_cache(maxsize=256)
def _rules(stored: str) -> tuple[Rule, ...]:
    """Read once for each state of a workflow, not with every batch of mail."""
    return tuple(Rule.model_validate(rule) for rule in json.loads(stored))
