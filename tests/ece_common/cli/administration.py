"""A small administrators' API that keeps departments, aliases, instances, activities and events."""

from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from ece_common.contracts.aliases import NewAlias
from ece_common.contracts.base import Reference
from ece_common.errors import Conflict, EceError, Forbidden, Invalid, PreconditionFailed
from ece_common.operations import problem_response

Item = dict[str, Any]
TOKEN = "adm1n"
RESOLVED: Item = {"step": "dns", "outcome": "ok", "detail": None}
REFUSED_LOGIN: Item = {"step": "auth", "outcome": "failed", "detail": "NO [AUTH]", "hint": "Check the password."}


@dataclass
class Kept:
    """What the API holds, and what it was asked."""

    departments: list[Item] = field(default_factory=lambda: [{"id": 1, "name": "Shop", "description": "sells"}])
    aliases: dict[int, Item] = field(default_factory=dict)
    instances: dict[str, list[Item]] = field(default_factory=lambda: {"retriever": [], "dispatcher": []})
    activities: list[Item] = field(default_factory=list)
    events: list[Item] = field(default_factory=list)
    replies: list[Item] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Item] = field(default_factory=list)
    tokens: dict[int, Item] = field(default_factory=dict)
    version: int = 1


def an_alias(number: int, **fields: object) -> Item:
    return {
        "id": number, "department_id": 1, "name": "Support", "email_address": f"support{number}@shop.test",
        "status": "active", "status_reason": None, "default_alias": False, "incoming": {"server_name": "mail.test"},
    } | fields  # fmt: skip


def administration(kept: Kept) -> FastAPI:
    app = FastAPI()
    _guard(app)
    _departments(app, kept)
    _tokens(app, kept)
    _aliases(app, kept)
    _alias(app, kept)
    _instances(app, kept)
    _activities(app, kept)
    return app


def _guard(app: FastAPI) -> None:
    @app.middleware("http")
    async def authorized(request: Request, call_next: Any) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem_response(Forbidden("this token is not an administrator's"))
        return await call_next(request)

    @app.exception_handler(EceError)
    async def named(_request: Request, error: Exception) -> Response:
        assert isinstance(error, EceError)
        return problem_response(error)


def _departments(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/departments")
    async def listed(limit: int, cursor: int = 0) -> Item:
        size = min(limit, 2)  # small pages, so that the caller has to ask again
        more = cursor + size < len(kept.departments)
        return {
            "items": kept.departments[cursor : cursor + size],
            "next_cursor": str(cursor + size) if more else None,
        }

    @app.post("/v1/departments", status_code=201)
    async def created(request: Request) -> Item:
        body = await request.json()
        if not body["name"].strip():
            raise Invalid.field("name", "must not be empty")
        kept.departments.append({"id": len(kept.departments) + 1, **body})
        return kept.departments[-1]

    @app.get("/v1/departments/{number}")
    async def shown(number: int) -> Item:
        return kept.departments[number - 1]

    @app.patch("/v1/departments/{number}")
    async def changed(number: int, request: Request) -> Item:
        kept.departments[number - 1] |= await request.json()
        return kept.departments[number - 1]

    @app.delete("/v1/departments/{number}", status_code=204)
    async def deleted(number: int) -> None:
        del kept.departments[number - 1]


def _tokens(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/tokens")
    async def listed() -> Item:
        return {"items": list(kept.tokens.values())}

    @app.post("/v1/tokens", status_code=201)
    async def minted(request: Request) -> Item:
        kept.bodies.append(await request.json())
        kept.tokens[5] = {"id": 5, **kept.bodies[-1]}
        return {**kept.tokens[5], "token": "ece_new"}

    @app.delete("/v1/tokens/{number}", status_code=204)
    async def revoked(number: int) -> None:
        kept.tokens[number]["revoked_at"] = "2026-03-01T12:00:00Z"


def _aliases(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/departments/{department}/aliases")
    async def listed(department: int) -> Item:
        return {"items": [one for one in kept.aliases.values() if one["department_id"] == department]}

    @app.post("/v1/departments/{department}/aliases", status_code=201)
    async def created(department: int, request: Request) -> Item:
        body = await request.json()
        kept.bodies.append(body)
        try:
            new = NewAlias.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            raise Invalid.field(".".join(map(str, first["loc"])), first["msg"]) from None
        alias = an_alias(
            len(kept.aliases) + 1, name=new.name, email_address=new.email_address, department_id=department
        )
        kept.aliases[alias["id"]] = alias
        return alias


def _alias(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/aliases/{number}")
    async def shown(number: int) -> Item:
        return kept.aliases[number]

    @app.patch("/v1/aliases/{number}")
    async def changed(number: int, request: Request) -> Item:
        assert request.headers["content-type"] == "application/merge-patch+json"
        kept.bodies.append(await request.json())
        kept.aliases[number] |= {name: value for name, value in kept.bodies[-1].items() if name != "incoming"}
        return kept.aliases[number]

    @app.delete("/v1/aliases/{number}", status_code=204)
    async def deleted(number: int) -> None:
        if kept.aliases[number]["default_alias"]:
            used = [Reference(type="department", id=1, name="Shop")]
            raise Conflict("the default alias stays", code="default_alias", references=used)
        del kept.aliases[number]

    @app.get("/v1/aliases/{number}/status-transitions")
    async def history(number: int) -> Item:
        change = {"id": 1, "alias_id": number, "from": "active", "to": "inactive", "reason": "service_not_started"}
        return {"items": [change | {"attempts": 3, "changed_by": "system", "detail": "mail.test:993 refuses"}]}

    @app.post("/v1/aliases/{number}/test-connection")
    async def tested(number: int) -> Item:
        well = number != 2
        login = {"step": "auth", "outcome": "ok", "detail": None} if well else REFUSED_LOGIN
        steps = [{"side": "incoming", "hint": None} | step for step in (RESOLVED, login)]
        message = "Connection established successfully" if well else "The incoming server refuses the login"
        return {"ok": well, "message": message, "steps": steps}


def _instances(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/{kind}-instances")
    async def listed(kind: str) -> Item:
        return {"items": kept.instances[kind]}

    @app.post("/v1/{kind}-instances", status_code=201)
    async def created(kind: str, request: Request) -> Item:
        kept.instances[kind].append({"kind": kind, "alias_ids": [], **await request.json()})
        return kept.instances[kind][-1]

    @app.get("/v1/{kind}-instances/{number}")
    async def shown(kind: str, number: int) -> JSONResponse:
        return JSONResponse(kept.instances[kind][number - 1], headers={"ETag": f'"{kept.version}"'})

    @app.patch("/v1/{kind}-instances/{number}")
    async def changed(kind: str, number: int, request: Request) -> Item:
        if request.headers.get("if-match") != f'"{kept.version}"':
            raise PreconditionFailed("the instance has changed since it was read")
        kept.instances[kind][number - 1] |= await request.json()
        return kept.instances[kind][number - 1]


def _activities(app: FastAPI, kept: Kept) -> None:
    @app.get("/v1/activities")
    async def listed(request: Request) -> Item:
        kept.queries.append(dict(request.query_params))
        return {"items": kept.activities}

    @app.post("/v1/activities/{number}/replies", status_code=201)
    async def replied(number: int, request: Request) -> Item:
        key = request.headers.get("idempotency-key")
        if key is None or key not in kept.keys:
            kept.replies.append({"parent_id": number, **await request.json()})
        kept.keys |= {key} if key is not None else set()
        return {"id": 99, "parent_id": number, "to": ["ada@customer.test"], "subject": "Re: Hi", "attachments": []}

    @app.get("/v1/activities/{number}/delivery")
    async def delivery(number: int) -> Item:
        recipient = {"address": "ada@customer.test", "status": "failed", "smtp_reply": "550 5.1.1 No such user"}
        return {"activity_id": number, "status": "failed", "recipients": [recipient]}

    @app.get("/v1/events")
    async def events(after: int = 0) -> Item:
        page = [one for one in kept.events if one["id"] > after][:2]
        return {"items": page, "next_after": str(page[-1]["id"] if page else after)}
