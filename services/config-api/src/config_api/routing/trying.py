"""A dry run: what a workflow would do with a mail. The rules are applied by what applies them to real mail."""

from datetime import timedelta
from typing import Any

from config_api import bulk
from config_api.acting import Act
from config_api.routing import deciding, placement
from config_api.routing import workflow_repository as repository
from config_api.routing.deciding import Running
from config_api.routing.facts import Facts
from config_api.routing.tables import WorkflowRow
from ece_common.contracts.workflows import Rule, TriedMail, TriedWorkflow, WorkflowTrial
from ece_common.errors import Invalid

_ACTIVITY = """
    SELECT a.*, coalesce(l.email_address, '') AS alias,
           ARRAY(SELECT f.name FROM attachments f WHERE f.activity_id = a.id ORDER BY f.n) AS names,
           (SELECT coalesce(sum(f.size), 0) FROM attachments f WHERE f.activity_id = a.id) AS size
      FROM activities a LEFT JOIN aliases l ON l.id = a.alias_id
     WHERE a.id = $1 AND a.department_id = $2
"""


async def evaluate(act: Act, workflow_id: int, trial: WorkflowTrial) -> TriedWorkflow:
    """Raise `Invalid` for an activity that is not in the workflow's department."""
    row = await repository.get(act.session, workflow_id)
    facts = _of_mail(trial.mail, act) if trial.mail is not None else await _of_activity(act, row, trial.activity_id)
    decision = deciding.decide(Running(workflow_id, row.name, [Rule.model_validate(one) for one in row.rules]), facts)
    due = decision.service_level_minutes
    return TriedWorkflow(
        matched=decision.matched,
        takes=row.on_exception_queue == placement.is_exception(facts.subtype),
        queue_id=decision.queue_id,
        priority=decision.priority,
        due_at=None if due is None else act.now + timedelta(minutes=due),
        tags=decision.tags,
        auto_acknowledge=decision.acknowledge,
        routing_error=decision.error,
    )


def _of_mail(mail: TriedMail, act: Act) -> Facts:
    given: dict[str, Any] = {name: getattr(mail, name) for name in TriedMail.model_fields}
    given["headers"] = [(header.name, header.value) for header in mail.headers]
    given["received_at"] = mail.received_at or act.now
    return Facts(**given)


async def _of_activity(act: Act, workflow: WorkflowRow, activity_id: int | None) -> Facts:
    found = await (await bulk.of(act.session)).fetch(_ACTIVITY, activity_id, workflow.department_id)
    if not found:
        raise Invalid.field("activity_id", f"must be an activity of department {workflow.department_id}")
    one = found[0]
    return Facts(
        from_=one["from_address"],
        from_name=one["from_name"],
        to=one["to"],
        cc=one["cc"],
        reply_to=one["reply_to"],
        subject=one["subject"],
        text=one["text"],
        html=one["html"],
        subtype=one["subtype"],
        alias=one["alias"],
        headers=[(header["name"], header["value"]) for header in one["headers"]],
        attachments=one["names"],
        size=int(one["size"]) + len(one["text"] or "") + len(one["html"] or ""),
        received_at=one["received_at"] or one["created_at"],
        auto_submitted=one["auto_submitted"],
        routing_error=one["routing_error"],
    )
