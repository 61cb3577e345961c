"""REST, the worker side: mail comes in."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from config_api.access.callers import Worker
from config_api.acting import AsWorker
from config_api.inbound import batches, intake, parts
from config_api.inbound.batches import Batch
from config_api.problems import responses
from ece_common.contracts import worker_examples
from ece_common.contracts.inbound import InboundAnswer, InboundBatch, KnownAnswer, KnownQuery

router = APIRouter(tags=["worker side"])


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """FastAPI names no component for a body that it does not parse itself."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(value, definitions) for name, value in schema.items() if name != "$defs"}


_BATCH = InboundBatch.model_json_schema(by_alias=True)
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["batch"],
                    "properties": {
                        "batch": _inlined(_BATCH, _BATCH["$defs"]),
                        "contents": {"type": "string", "format": "binary"},
                    },
                },
                "encoding": {"batch": {"contentType": "application/json"}},
                "example": {"batch": worker_examples.BATCH, "contents": worker_examples.ORIGINAL},
            }
        },
    }
}


async def _handed_in(request: Request, _caller: Worker) -> tuple[Batch, memoryview]:
    """Read before a database connection is taken: a slow sender must not hold one."""
    handed_in = parts.split(request.headers.get("content-type", ""), await request.body())
    return batches.read(bytes(handed_in.batch), len(handed_in.contents)), handed_in.contents


@router.post(
    "/inbound-messages", summary="Hand in a batch of mails", responses=responses(404, 409, 413), openapi_extra=FORM
)
async def submit_messages(
    handed_in: Annotated[tuple[Batch, memoryview], Depends(_handed_in, scope="function")], act: AsWorker
) -> InboundAnswer:
    """`multipart/form-data`: `batch` (InboundBatch) and `contents`. A mail handed in again answers `duplicate`.

    Needs the alias's lease: 409 `stale_epoch` when it has passed on, `stale_generation` when the mailbox changed.
    """
    batch, contents = handed_in
    return await intake.take(act, batch, contents)


@router.post("/inbound-messages/known", summary="Which of these mails are known", responses=responses(404, 409))
async def known_messages(query: KnownQuery, act: AsWorker) -> KnownAnswer:
    """For mailboxes whose mail stays on the server: asks the ledger by key and fingerprint."""
    return KnownAnswer(known=await intake.known(act, query))
