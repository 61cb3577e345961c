"""REST: inbound workflows."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from config_api import preconditions
from config_api.acting import AsAdministrator
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from config_api.routing import trying, workflows
from config_api.routing import workflow_repository as repository
from ece_common.contracts.base import Page
from ece_common.contracts.workflows import NewWorkflow, TriedWorkflow, Workflow, WorkflowChange, WorkflowTrial

router = APIRouter(tags=["workflows"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
WorkflowId = Annotated[int, Path(ge=1, lt=2**63)]


@router.post(
    "/departments/{department_id}/workflows",
    status_code=201,
    summary="Create an inbound workflow",
    responses=responses(404, 409),
)
async def create(department_id: DepartmentId, new: NewWorkflow, act: AsAdministrator, response: Response) -> Workflow:
    """In force for the next mail. A condition that could fail or be slow is refused, with its place."""
    made = await workflows.create(act, department_id, new)
    preconditions.stamp(response, 1)
    return made


@router.get(
    "/departments/{department_id}/workflows", summary="List a department's workflows", responses=responses(404)
)
async def listing(
    department_id: DepartmentId, act: AsAdministrator, limit: Limit = 100, cursor: Cursor = None
) -> Page[Workflow]:
    """In the order in which they were made."""
    await departments.get(act.session, department_id)
    rows = await repository.after(act.session, department_id, position(cursor), limit + 1)
    found = await workflows.all_shown(act, rows)
    return page(found, limit, lambda one: one.id, lambda one: one)


@router.get("/workflows/{workflow_id}", summary="Read a workflow", responses=responses(404))
async def read(workflow_id: WorkflowId, act: AsAdministrator, response: Response) -> Workflow:
    """One workflow with its rules and aliases, with its `ETag`."""
    row = await repository.get(act.session, workflow_id)
    preconditions.stamp(response, row.version)
    return await workflows.shown(act, row)


@router.patch("/workflows/{workflow_id}", summary="Change a workflow", responses=responses(404, 409, 412))
async def change(
    workflow_id: WorkflowId,
    wanted: WorkflowChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> Workflow:
    """A merge patch (RFC 7396): `rules` and `alias_ids` are replaced as a whole. In force for the next mail."""
    changed = await workflows.change(act, workflow_id, wanted, if_match)
    preconditions.stamp(response, (await repository.get(act.session, workflow_id)).version)
    return changed


@router.post("/workflows/{workflow_id}/evaluate", summary="Try a workflow on a mail", responses=responses(404))
async def evaluate(workflow_id: WorkflowId, trial: WorkflowTrial, act: AsAdministrator) -> TriedWorkflow:
    """A dry run over a mail, or over an activity of the workflow's department: the rules that match and what they
    say together. Also for a workflow that is not active. Nothing is stored or sent.
    """
    return await trying.evaluate(act, workflow_id, trial)


@router.delete(
    "/workflows/{workflow_id}", status_code=204, summary="Delete a workflow", responses=responses(404, 412)
)
async def delete(workflow_id: WorkflowId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Mail of its aliases goes to the default queue from then on."""
    await workflows.delete(act, workflow_id, if_match)
