"""REST: delivery exceptions."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.database import Session
from config_api.delivery_exceptions import repository, trying, upkeep
from config_api.delivery_exceptions.repository import Filter
from config_api.departments import repository as departments
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.base import Page
from ece_common.contracts.delivery_exceptions import (
    BounceTrial,
    BounceVerdict,
    DeliveryException,
    DeliveryExceptionChange,
    NewDeliveryException,
)
from ece_common.contracts.policies import Failure, PhraseType

router = APIRouter(tags=["delivery exceptions"])
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
ExceptionId = Annotated[int, Path(ge=1, lt=2**63)]
_OF_DEPARTMENT = "/departments/{department_id}/delivery-exceptions"
_ONE = "/delivery-exceptions/{exception_id}"


@router.post(_OF_DEPARTMENT, status_code=201, summary="Create a delivery exception", responses=responses(404, 409))
async def create(
    department_id: DepartmentId, new: NewDeliveryException, act: AsAdministrator, response: Response
) -> DeliveryException:
    """Mail whose subject, or whose From address before the @, contains the phrase becomes undeliverable mail. Case,
    accents and the width of blanks do not count. Takes effect at once.
    """
    row = await upkeep.create(act, department_id, new)
    preconditions.stamp(response, row.version)
    return DeliveryException.model_validate(row)


@router.get(_OF_DEPARTMENT, summary="List a department's delivery exceptions", responses=responses(404))
async def listing(
    department_id: DepartmentId,
    session: Session,
    _caller: Administrator,
    limit: Limit = 100,
    cursor: Cursor = None,
    type: PhraseType | None = None,  # noqa: A002 - the field's name
    failure: Failure | None = None,
    system_provided: Annotated[
        bool | None, Query(description="Only the predefined ones, or only the others.")
    ] = None,
) -> Page[DeliveryException]:
    """In the order in which they were made: the predefined ones first."""
    await departments.get(session, department_id)
    wanted = Filter(type, failure, system_provided)
    rows = await repository.after(session, department_id, wanted, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, DeliveryException.model_validate)


@router.post(f"{_OF_DEPARTMENT}/evaluate", summary="Try the delivery exceptions on a mail", responses=responses(404))
async def evaluate(
    department_id: DepartmentId, trial: BounceTrial, session: Session, _caller: Administrator
) -> BounceVerdict:
    """A dry run of the phrases: which would decide, and what the mail would count as. Stores nothing. A mail with a
    machine-readable delivery report may be judged by that instead (`bounce_evidence`).
    """
    return await trying.evaluate(session, department_id, trial)


@router.get(_ONE, summary="Read a delivery exception", responses=responses(404))
async def read(
    exception_id: ExceptionId, session: Session, _caller: Administrator, response: Response
) -> DeliveryException:
    """One delivery exception, with its `ETag`."""
    row = await repository.get(session, exception_id)
    preconditions.stamp(response, row.version)
    return DeliveryException.model_validate(row)


@router.patch(_ONE, summary="Change a delivery exception", responses=responses(404, 409, 412))
async def change(
    exception_id: ExceptionId,
    wanted: DeliveryExceptionChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> DeliveryException:
    """A merge patch (RFC 7396). Of a system-provided one, only this department's copy changes."""
    row = await upkeep.change(act, exception_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return DeliveryException.model_validate(row)


@router.delete(_ONE, status_code=204, summary="Delete a delivery exception", responses=responses(404, 412))
async def delete(exception_id: ExceptionId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """A system-provided one is deleted from **all** departments, also from those to come; another one from its own
    department only.
    """
    await upkeep.delete(act, exception_id, if_match)
