"""A small Config API that keeps what it is told: the worker side, over real FastAPI parsing."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from ece_common.contracts.inbound import InboundBatch
from ece_common.contracts.problem import FieldProblem, Problem

NOW = "2026-11-23T12:00:00Z"
TOKEN = "tok-5ecret"


@dataclass
class Seen:
    """What callers said."""

    tokens: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    batches: list[tuple[InboundBatch, bytes]] = field(default_factory=list)
    bodies: list[tuple[str, str, Any]] = field(default_factory=list)


def problem(status: int, code: str, detail: str = "", errors: list[FieldProblem] | None = None) -> Response:
    body = Problem(title="Told", status=status, code=code, detail=detail, errors=errors)
    return Response(body.model_dump_json(), status_code=status, media_type="application/problem+json")


def config_api(seen: Seen) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def remember(request: Request, call_next: Any) -> Response:
        seen.tokens.append(request.headers.get("authorization", ""))
        seen.headers.append(dict(request.headers))
        return await call_next(request)

    @app.post("/v1/inbound-messages")
    async def submit(request: Request) -> JSONResponse:
        async with request.form() as form:
            batch, contents = form["batch"], form["contents"]
            assert isinstance(batch, UploadFile)
            assert isinstance(contents, UploadFile)
            assert set(form) == {"batch", "contents"}
            assert (batch.content_type, contents.content_type) == ("application/json", "application/octet-stream")
            parsed = InboundBatch.model_validate_json(await batch.read())
            seen.batches.append((parsed, await contents.read()))
        results = [{"index": n, "outcome": "stored", "activity_id": n + 1} for n in range(len(parsed.messages))]
        return JSONResponse({"results": results})

    @app.put("/v1/{kind}/{instance}/replicas/{replica}/heartbeat")
    async def heartbeat(kind: str, instance: str, replica: str, request: Request) -> dict[str, Any]:
        seen.bodies.append((kind, f"{instance}/{replica}", await request.json()))
        return {"lease_seconds": 15, "lease_expires_at": NOW, "beat_after_seconds": 5, "leases": [], "added": "later"}

    @app.get("/v1/dispatcher-instances/{instance}/replicas/{replica}/assignments")
    async def assignment(instance: str, replica: str, request: Request, wait: float = 0.0) -> Response:
        seen.bodies.append(("wait", instance, wait))
        if request.headers.get("if-none-match") == '"7"':
            return Response(status_code=304, headers={"ETag": '"7"'})
        return JSONResponse(
            {
                "instance": instance, "replica": replica, "lease_seconds": 15, "settings": {}, "alias_ids": [3],
                "serves_unassigned": True,
            },
            headers={"ETag": '"7"'},
        )  # fmt: skip

    @app.post("/v1/outbound-outcomes")
    async def outcomes() -> Response:
        return problem(409, "stale_epoch", "the lease has passed on")

    @app.get("/v1/outbound-claims/{claim}/attachments/{n}")
    async def attachment(claim: str, n: int) -> Response:
        return Response(f"{claim}:{n}".encode() + b"\x00\xff", media_type="application/octet-stream")

    return app
