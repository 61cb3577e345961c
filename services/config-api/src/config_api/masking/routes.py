"""REST: data masking."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from config_api import preconditions
from config_api.access.callers import Administrator
from config_api.acting import AsAdministrator
from config_api.database import Session
from config_api.masking import channels, importing, patterns, repository, trying
from config_api.paging import Cursor, Limit, page, position
from config_api.preconditions import IfMatch
from config_api.problems import responses
from ece_common.contracts.base import Page
from ece_common.contracts.masking import (
    Channel,
    ChannelChange,
    DepartmentChannel,
    DepartmentChannelChange,
    ImportedPatterns,
    MaskingPatternChange,
    MaskingTrial,
    MaskingVerdict,
    NewMaskingPattern,
    StoredPattern,
)

router = APIRouter(tags=["masking"])
PatternId = Annotated[int, Path(ge=1, lt=2**63)]
DepartmentId = Annotated[int, Path(ge=1, lt=2**63)]
_EXAMPLE = """<?xml version='1.0' encoding='utf-8'?>
<patterns>
  <pattern>
    <name>Card numbers</name>
    <description>Payment cards</description>
    <isActive>yes</isActive>
    <isDefault>no</isDefault>
    <maskingCharacter>*</maskingCharacter>
    <javascriptRegularExpression>\\b\\d{16}\\b</javascriptRegularExpression>
    <javaRegularExpression>\\b\\d{16}\\b</javaRegularExpression>
    <numOfCharsToUnmaskFromLeft>0</numOfCharsToUnmaskFromLeft>
    <numOfCharsToUnmaskFromRight>4</numOfCharsToUnmaskFromRight>
    <applyLuhnAlgorithm>yes</applyLuhnAlgorithm>
  </pattern>
</patterns>
"""
_XML: dict[str, Any] = {"application/xml": {"schema": {"type": "string"}, "example": _EXAMPLE}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _XML}}


@router.post("/masking-patterns", status_code=201, summary="Create a masking pattern", responses=responses(409))
async def create(new: NewMaskingPattern, act: AsAdministrator, response: Response) -> StoredPattern:
    """It takes effect once a channel applies it. An expression that does not compile is refused with the position of
    the trouble; one that only a backtracking engine takes (`linear` is false) runs under a time limit.
    """
    row = await patterns.create(act, new)
    preconditions.stamp(response, row.version)
    return StoredPattern.model_validate(row)


@router.get("/masking-patterns", summary="List masking patterns", responses=responses())
async def listing(
    session: Session, _caller: Administrator, limit: Limit = 100, cursor: Cursor = None
) -> Page[StoredPattern]:
    """In the order in which they were made; 100 at most."""
    rows = await repository.after(session, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, StoredPattern.model_validate)


@router.post(
    "/masking-patterns/import", summary="Import masking patterns", responses=responses(409, 413), openapi_extra=_BODY
)
async def import_patterns(request: Request, act: AsAdministrator) -> ImportedPatterns:
    """XML in the form of `GET /v1/masking-patterns/export`, the upstream product's: all of the file or nothing. A
    pattern of the same name is overwritten. At most 10 MB; element names and values count upper and lower case.
    """
    return await importing.take(act, await request.body())


@router.get(
    "/masking-patterns/export",
    summary="Export masking patterns",
    response_class=Response,
    responses={**responses(), 200: {"description": "All patterns.", "content": _XML}},
)
async def export(session: Session, _caller: Administrator) -> Response:
    """All patterns as XML, to be imported here or elsewhere."""
    content = importing.given(await repository.everything(session))
    headers = {"Content-Disposition": 'attachment; filename="masking-patterns.xml"'}
    return Response(content, media_type="application/xml", headers=headers)


@router.post("/masking-patterns/evaluate", summary="Try masking patterns on a text", responses=responses())
async def evaluate(trial: MaskingTrial, session: Session, _caller: Administrator) -> MaskingVerdict:
    """Stored patterns in the order named, then `pattern`. `matches` says where in `text` each one found something.
    Nothing is stored.
    """
    return await trying.evaluate(session, trial)


@router.get("/masking-patterns/{pattern_id}", summary="Read a masking pattern", responses=responses(404))
async def read(pattern_id: PatternId, session: Session, _caller: Administrator, response: Response) -> StoredPattern:
    """One masking pattern, with its `ETag`."""
    row = await repository.get(session, pattern_id)
    preconditions.stamp(response, row.version)
    return StoredPattern.model_validate(row)


@router.patch(
    "/masking-patterns/{pattern_id}", summary="Change a masking pattern", responses=responses(404, 409, 412)
)
async def change(
    pattern_id: PatternId,
    wanted: MaskingPatternChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> StoredPattern:
    """A merge patch (RFC 7396). 409 when a pattern that a channel applies would become inactive."""
    row = await patterns.change(act, pattern_id, wanted, if_match)
    preconditions.stamp(response, row.version)
    return StoredPattern.model_validate(row)


@router.delete(
    "/masking-patterns/{pattern_id}",
    status_code=204,
    summary="Delete a masking pattern",
    responses=responses(404, 409, 412),
)
async def delete(pattern_id: PatternId, act: AsAdministrator, if_match: IfMatch = None) -> None:
    """409 while a channel applies it."""
    await patterns.delete(act, pattern_id, if_match)


@router.get("/masking-channel", summary="Read the partition's masking channel", responses=responses())
async def read_channel(session: Session, _caller: Administrator, response: Response) -> Channel:
    """What is masked in e-mail where no department decides for itself. Both directions start switched off."""
    row = await repository.partition(session)
    preconditions.stamp(response, row.version)
    return Channel.model_validate(row)


@router.patch("/masking-channel", summary="Change the partition's masking channel", responses=responses(409, 412))
async def change_channel(
    wanted: ChannelChange, act: AsAdministrator, response: Response, if_match: IfMatch = None
) -> Channel:
    """Subject, bodies and header fields are masked before anything is stored; attachments are not. A mail that is
    masked is stored without its original.
    """
    row = await channels.change_partition(act, wanted, if_match)
    preconditions.stamp(response, row.version)
    return Channel.model_validate(row)


@router.get(
    "/departments/{department_id}/masking-channel", summary="Read a department's masking channel",
    responses=responses(404),
)  # fmt: skip
async def read_department_channel(
    department_id: DepartmentId, session: Session, _caller: Administrator, response: Response
) -> DepartmentChannel:
    """What is in force for the department: its own configuration, or the partition's."""
    channel, version = await channels.of_department(session, department_id)
    preconditions.stamp(response, version)
    return channel


@router.patch(
    "/departments/{department_id}/masking-channel", summary="Change a department's masking channel",
    responses=responses(404, 409, 412),
)  # fmt: skip
async def change_department_channel(
    department_id: DepartmentId,
    wanted: DepartmentChannelChange,
    act: AsAdministrator,
    response: Response,
    if_match: IfMatch = None,
) -> DepartmentChannel:
    """Where the partition lets departments decide. A department that takes the configuration over begins with the
    partition's and is not affected by its later changes; `own` false gives it back.
    """
    channel, version = await channels.change_department(act, department_id, wanted, if_match)
    preconditions.stamp(response, version)
    return channel
