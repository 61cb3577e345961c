"""What every service answers about itself: alive, ready, metrics, docs. Needs the extra `operations`."""

import asyncio
import html
import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from string import Template
from typing import Any, Literal

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.staticfiles import StaticFiles

from ece_common.contracts.problem import Problem
from ece_common.errors import EceError, Transient

Ready = Callable[[], Awaitable[None]]
Status = Callable[[], Mapping[str, Any]]

READY_SECONDS = 5.0
"""A probe that waits longer would be given up by its caller anyway."""

# 'self' only: nothing from the internet, no script in the page, no frame around it. Swagger UI draws icons as data:.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_DOCS_HEADERS = {
    "Content-Security-Policy": _DOCS_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

log = structlog.get_logger()


class Alive(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"] = Field(default="ok", description="Always `ok`; else the answer is a problem.")


def create(
    service: str,
    *,
    ready: Ready,
    status: Status,
    registry: CollectorRegistry | None = None,
    metrics: bool = True,
) -> FastAPI:
    """The operations app of a worker. `ready` raises when work is not possible; `metrics` false when on its own port.

    While `app.state.stopping` is true, /readyz answers 503.
    """
    app = FastAPI(
        title=f"{service}: operations",
        summary=f"How the {service} is doing.",
        description="Needs no token and tells no secret. Keep the port inside the cluster.",
        version=importlib.metadata.version("ece-common"),
        docs_url=None,
        redoc_url=None,
    )
    app.state.stopping = False
    app.include_router(health_routes(ready))
    app.include_router(_status_route(status))
    if metrics:
        app.include_router(metrics_route(registry or CollectorRegistry()))
    install_docs(app)
    return app


def metrics_app(registry: CollectorRegistry) -> FastAPI:
    """/metrics alone, for a port of its own."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(metrics_route(registry))
    return app


def problem_response(error: EceError) -> Response:
    """RFC 9457."""
    body = error.problem().model_dump_json(exclude_none=True)
    return Response(body, status_code=error.status, media_type="application/problem+json")


def health_routes(ready: Ready) -> APIRouter:
    """/healthz and /readyz, for workers and the Config API alike."""
    router = APIRouter(tags=["operations"])

    @router.get(
        "/healthz",
        summary="Is the process alive?",
        description="Answers as long as the process runs; asks nothing of others. For liveness probes.",
        responses=_problems(500),
    )
    async def healthz() -> Alive:
        return Alive()

    @router.get(
        "/readyz",
        summary="Can it work?",
        description="503 with the reason when what it depends on is away, or while it stops. For readiness probes.",
        response_model=Alive,
        responses=_problems(503),
    )
    async def readyz(request: Request) -> Alive | Response:
        if getattr(request.app.state, "stopping", False):
            return problem_response(Transient("stopping", code="stopping"))
        trouble = await _trouble(ready)
        return Alive() if trouble is None else problem_response(trouble)

    return router


async def _trouble(ready: Ready) -> EceError | None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await ready()
    except TimeoutError:
        return Transient(f"no answer within {READY_SECONDS:g} s", code="not_ready")
    except EceError as error:
        return Transient(error.detail, code="not_ready")
    except Exception as error:
        log.exception("readiness.failed")
        return Transient(f"not ready: {type(error).__name__}; see the log", code="not_ready")
    return None


def metrics_route(registry: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get(
        "/metrics",
        summary="Metrics",
        description="Counters and gauges in the Prometheus text format.",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **_problems(500)},
    )
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _status_route(status: Status) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get(
        "/status",
        summary="What it is working on",
        description="The worker's own view: its instance and replica, what it holds, what it last did.",
        responses=_problems(500),
    )
    async def read_status() -> dict[str, Any]:
        return dict(status())

    return router


def install_docs(app: FastAPI, *, persist_authorization: bool = False) -> None:
    """/docs on `app`, with every file of it from installed packages. Create `app` with docs_url and redoc_url None.

    Addresses in the page are relative, so a proxy may serve it under a prefix. `persist_authorization` keeps an
    entered token in the browser over a reload. The contract then names problem+json alone where an error is one.
    """
    _describe_errors_once(app)
    template = Template(files("ece_common").joinpath("assets/docs.html").read_text("utf-8"))
    page = template.substitute(title=html.escape(app.title), persist="true" if persist_authorization else "false")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers=_DOCS_HEADERS)

    # fastapi-offline (MIT) is installed for the Swagger UI files (Apache-2.0) in it; its code is not run.
    assets = _DocsAssets(packages=[("ece_common", "assets"), ("fastapi_offline", "static")])
    app.mount("/docs/assets", assets, name="docs-assets")


def _describe_errors_once(app: FastAPI) -> None:
    """FastAPI adds application/json to every response with a model; our errors are never that."""
    generated = app.openapi

    def described() -> dict[str, Any]:
        schema = generated()
        operations = (op for item in schema.get("paths", {}).values() for op in item.values() if isinstance(op, dict))
        for answer in (answer for operation in operations for answer in operation.get("responses", {}).values()):
            if "application/problem+json" in answer.get("content", {}):
                answer["content"].pop("application/json", None)
        return schema

    app.openapi = described


class _DocsAssets(StaticFiles):
    """Static files that a browser may not take for anything but what they are."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - passed on as they are
        response = super().file_response(*args, **kwargs)
        response.headers.update(_DOCS_HEADERS)
        return response


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    content = {"application/problem+json": {"schema": schema}}
    return {status: {"model": Problem, "description": "What went wrong", "content": content} for status in statuses}
