"""What a workflow says about one mail. Pure: the same mail and rules always give the same answer.

A workflow runs once over a mail, from its first rule to its last, and no action leads back: it cannot loop.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config_api.routing import conditions
from config_api.routing.conditions import Broken
from config_api.routing.facts import Facts
from ece_common.contracts.workflows import MAXIMUM_TAGS, AutoAcknowledge, Rule, RuleActions

_LONGEST_ERROR = 2000
SLOWEST = 0.25
"""Seconds of work that all rules of a workflow may need for one mail: nothing else is done meanwhile."""


@dataclass(frozen=True, slots=True)
class Running:
    """A workflow as it is applied."""

    id: int
    name: str
    rules: Sequence[Rule]


@dataclass(slots=True)
class Decision:
    """What the rules that matched say together; with `error` nothing but that."""

    queue_id: int | None = None
    priority: int | None = None
    service_level_minutes: int | None = None
    acknowledge: AutoAcknowledge | None = None
    tags: list[str] = field(default_factory=list[str])
    matched: list[str] = field(default_factory=list[str])
    error: str | None = None

    def take(self, rule: str, actions: RuleActions) -> None:
        self.matched.append(rule)
        self.queue_id = self.queue_id if actions.queue_id is None else actions.queue_id
        self.priority = self.priority if actions.priority is None else actions.priority
        if actions.service_level_minutes is not None:
            self.service_level_minutes = actions.service_level_minutes
        self.acknowledge = actions.auto_acknowledge or self.acknowledge
        self.tags = list(dict.fromkeys([*self.tags, *actions.tags]))[:MAXIMUM_TAGS]

    def then(self, later: "Decision") -> "Decision":
        """Both, of which the later one wins."""
        if later.error is not None:
            later = Decision(error=later.error)
        return Decision(
            queue_id=self.queue_id if later.queue_id is None else later.queue_id,
            priority=self.priority if later.priority is None else later.priority,
            service_level_minutes=later.service_level_minutes or self.service_level_minutes,
            acknowledge=later.acknowledge or self.acknowledge,
            tags=list(dict.fromkeys([*self.tags, *later.tags]))[:MAXIMUM_TAGS],
            matched=[*self.matched, *later.matched],
            error="; ".join(error for error in (self.error, later.error) if error) or None,
        )


def decide(workflow: Running, facts: Facts) -> Decision:
    return over(workflow, facts.values())


def over(workflow: Running, values: Mapping[str, Any], worked: Callable[[], float] = time.thread_time) -> Decision:
    """`worked`: seconds of this thread's own work, so that no busy machine changes an answer; nor a first mail."""
    decision = Decision()
    spent = 0.0
    for rule in workflow.rules:
        try:
            _require_time(spent)
            condition = conditions.compiled(rule.when)  # once in a process, whatever the mail: no time of the mail's
            began = worked()
            holds = condition.holds(dict(values))
            spent += worked() - began
        except Broken as problem:
            told = f"workflow {workflow.name!r} (id {workflow.id}), rule {rule.name!r}: {problem}"
            return Decision(matched=decision.matched, error=told[:_LONGEST_ERROR])
        if holds:
            decision.take(rule.name, rule.actions)
            if rule.actions.stop:
                break
    return decision


def _require_time(spent: float) -> None:
    if spent > SLOWEST:
        raise Broken(f"the rules before it took longer than {SLOWEST:g} s on this mail; make them simpler")
