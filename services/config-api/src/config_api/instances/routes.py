"""REST: instances, for administrators. The same for retriever and dispatcher instances."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from config_api import preconditions
from config_api.acting import Act, AsAdministrator
from config_api.instances import repository, upkeep
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.base import Line, Page, ServiceKind
from ece_common.contracts.instances import Instance, InstanceChange, NewInstance

InstanceId = Annotated[int, Path(ge=1, lt=2**63)]


def kind_of(request: Request) -> ServiceKind:
    """The kind of instance that a path is about."""
    return "retriever" if "/retriever-instances" in request.url.path else "dispatcher"


Kind = Annotated[ServiceKind, Depends(kind_of)]
_both = APIRouter()


async def _answer(act: Act, kind: ServiceKind, instance_id: int, response: Response) -> Instance:
    row = await repository.get(act.session, kind, instance_id)
    preconditions.stamp(response, row.version)
    return (await upkeep.shown(act, [row]))[0]


@_both.post("", status_code=201, summary="Create an instance", responses=responses(409))
async def create(kind: Kind, new: NewInstance, act: AsAdministrator, response: Response) -> Instance:
    """A name that replicas give at their start (`ECE_INSTANCE`), and the aliases that they share."""
    return await _answer(act, kind, await upkeep.create(act, kind, new), response)


@_both.get("", summary="List instances", responses=responses())
async def listing(
    kind: Kind,
    act: AsAdministrator,
    limit: Limit = 100,
    cursor: Cursor = None,
    name: Annotated[Line | None, Query()] = None,
) -> Page[Instance]:
    """In the order in which they were made; `name` finds one by its exact name."""
    rows = await repository.after(act.session, kind, position(cursor), limit + 1, name)
    shown = {instance.id: instance for instance in await upkeep.shown(act, rows)}
    return page(rows, limit, lambda row: row.id or 0, lambda row: shown[row.id or 0])


@_both.get("/{instance_id}", summary="Read an instance", responses=responses(404))
async def read(kind: Kind, instance_id: InstanceId, act: AsAdministrator, response: Response) -> Instance:
    """Its aliases, and its replicas with their last heartbeat."""
    return await _answer(act, kind, instance_id, response)


@_both.patch("/{instance_id}", summary="Change an instance", responses=responses(404, 409, 412))
async def change(
    kind: Kind,
    instance_id: InstanceId,
    wanted: InstanceChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> Instance:
    """A merge patch (RFC 7396); `alias_ids` replaces the whole list. No restart is needed."""
    await upkeep.change(act, kind, instance_id, wanted, if_match)
    return await _answer(act, kind, instance_id, response)


@_both.delete("/{instance_id}", status_code=204, summary="Delete an instance", responses=responses(404, 409, 412))
async def delete(kind: Kind, instance_id: InstanceId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """Refused with 409 while it has aliases or live replicas."""
    await upkeep.delete(act, kind, instance_id, if_match)


router = APIRouter(tags=["instances"])
router.include_router(_both, prefix="/retriever-instances")
router.include_router(_both, prefix="/dispatcher-instances")
