"""Every error leaves as problem+json (RFC 9457), with the field's name and what would be right."""

import math
import re
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from ece_common.contracts.mistakes import said_of
from ece_common.contracts.problem import FieldProblem, Problem
from ece_common.errors import (
    Conflict,
    EceError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Transient,
    Unauthenticated,
)

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
_JSON = re.compile(r"(?i)application/([\w.+-]+\+)?json\s*(;|$)")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_TOLD_AT_ONCE = 100
"""A list of ten thousand ids may be wrong ten thousand times; nobody reads that."""


_EXAMPLES: dict[int, EceError] = {
    401: Unauthenticated("this token is unknown, revoked or has expired"),
    403: Forbidden("this needs an administrator's token; a worker's opens the worker side only"),
    404: NotFound("there is no department 12"),
    409: Conflict("name: a department called 'Service' exists already (id 1)", code="name_taken"),
    410: Gone(
        "query.after: events after this position are kept no longer: begin without `after`, at the oldest event that "
        "is kept, and read the state of what you follow anew by the lists",
        code="position_expired",
    ),
    412: PreconditionFailed('If-Match is "3", but the resource is now at "4": read it again'),
    413: TooLarge("body: takes at most 1048576 bytes"),
    422: Invalid.field("incoming.port", "must be at most 65535"),
    503: Transient("The database does not answer; try again"),
}


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    body = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What an operation's OpenAPI says of its errors."""
    meanings = {
        401: "No valid token.",
        403: "The token does not allow this.",
        404: "No such resource.",
        409: "The state of the resource does not allow this; `code` and `references` say why.",
        410: "What came after this position is kept no longer; `detail` says how to go on.",
        412: "The resource changed since it was read.",
        413: "The request is too large.",
        422: "A field is not valid; `errors` names each.",
        503: "The database or another server is away; try again.",
    }
    return {
        code: {
            "description": meanings[code],
            "model": Problem,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": _EXAMPLES[code].problem().model_dump(mode="json", exclude_none=True),
                }
            },
        }
        for code in sorted({401, 403, 422, 503, *codes})
    }


def _field(location: tuple[int | str, ...]) -> str:
    path = [str(part) for part in location if part != "body"]
    return ".".join(path) if path else "body"


def _field_problem(error: dict[str, Any]) -> FieldProblem:
    if error["type"] == "json_invalid":
        # The place is where the reader gave up, and no field.
        return FieldProblem(
            field="body", problem=f"must be JSON; it stops being that at character {error['loc'][-1]}"
        )
    return FieldProblem(field=_field(error["loc"]), problem=said_of(error))


def _other_format(error: dict[str, Any], media_type: str) -> FieldProblem | None:
    """FastAPI takes a body that is not said to be JSON for one text, and finds no object in it."""
    if tuple(error["loc"]) != ("body",) or error["type"] == "missing" or _JSON.match(media_type):
        return None
    said = f"Content-Type is {media_type[:100]!r}" if media_type else "Content-Type is missing"
    return FieldProblem(field="body", problem=f"{said}: send JSON, with Content-Type: application/json")


def _invalid(error: RequestValidationError, media_type: str) -> Problem:
    told = error.errors()[:_TOLD_AT_ONCE]
    found = [_other_format(one, media_type) or _field_problem(one) for one in told]
    return Invalid("; ".join(f"{one.field}: {one.problem}" for one in found)[:2000], errors=found).problem()


def _unread(error: HTTPException) -> EceError:
    """FastAPI says 400 for every body that it could not read: our own refusal, or bytes that are no JSON."""
    if isinstance(error.__cause__, EceError):
        return error.__cause__
    return Invalid.field(
        "body", "must be JSON in UTF-8, with numbers of a sensible size and nesting of a sensible depth"
    )


def _allowed(request: Request) -> str:
    """What the path takes: Starlette says it of the first route alone, and most paths have several."""
    routes: list[BaseRoute] = request.app.routes
    taken = [
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    return ", ".join(taken)


def _no_operation(request: Request, error: HTTPException, allowed: str) -> Problem:
    """Starlette's own refusals: an unknown path, and a method that a path does not have."""
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    path = request.url.path[:200]
    detail = {
        404: f"there is nothing at {path}; /docs has a list of all operations",
        405: f"{path} does not take {request.method}" + (f"; it takes {allowed}" if allowed else ""),
    }.get(error.status_code, "the request cannot be answered")
    return Problem(title=str(error.detail), status=error.status_code, code=code, detail=detail)


def _database_away(error: Exception) -> bool:
    """Of SQLAlchemy's errors, and of asyncpg's own, which bulk writes raise."""
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, asyncpg.DataError)
    cause = error.orig if isinstance(error, DBAPIError) else error
    # 57P01..57P03 shutdown and start-up, 53xxx out of resources, 55P03 and 57014 lock and statement time-outs,
    # 40001 and 40P01 serialisation and deadlock: all pass, and all are safe to repeat.
    state = str(getattr(cause, "sqlstate", "") or "")
    passing = state[:2] in {"08", "53"} or state in {"57P01", "57P02", "57P03", "55P03", "57014", "40001", "40P01"}
    if not passing and isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
    return passing


def _headers(error: EceError) -> dict[str, str]:
    if isinstance(error, Transient) and error.retry_after is not None:
        return {"Retry-After": str(math.ceil(error.retry_after))}
    return {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}


def install(app: FastAPI) -> None:
    async def named(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, EceError)
        return respond(error.problem(), _headers(error))

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return respond(_invalid(error, request.headers.get("content-type", "")))

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:
            return await named(request, _unread(error))
        allowed = _allowed(request) if error.status_code == 405 else ""
        # RFC 9110 section 15.5.6: all that the path takes.
        headers = {"Allow": allowed} if allowed else error.headers
        return respond(_no_operation(request, error, allowed), headers)

    async def database(_request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError)) and not _database_away(
            error
        ):
            return await unexpected(_request, error)
        log.warning("database.unavailable", problem=type(error).__name__)
        return respond(Transient("The database does not answer; try again").problem(), {"Retry-After": "2"})

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        log.error("request.failed", path=request.url.path, method=request.method, exc_info=error)
        return respond(EceError("Something went wrong here; it has been logged").problem())

    app.add_exception_handler(EceError, named)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DBAPIError, database)
    app.add_exception_handler(asyncpg.PostgresError, database)
    app.add_exception_handler(asyncpg.InterfaceError, database)
    app.add_exception_handler(PoolTimeout, database)
    app.add_exception_handler(OSError, database)
    app.add_exception_handler(Exception, unexpected)
