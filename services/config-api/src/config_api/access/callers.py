"""The one place where a caller is checked: bearer token -> who it is and what it may touch."""

import hashlib
import hmac
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import State

from config_api.access import reach, repository
from config_api.access.reach import Reach
from config_api.database import Sessions
from ece_common.contracts.access import Action, TokenKind
from ece_common.contracts.base import ServiceKind
from ece_common.errors import Forbidden, Unauthenticated

_CALLER = "ece.caller"
_bearer = HTTPBearer(auto_error=False, description="A token from `POST /v1/tokens`, or the bootstrap token.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. A worker with `instance` may act for that instance only; without, for every one of its kind."""

    name: str
    kind: TokenKind | None
    instance: str | None = None
    reach: Reach = field(default_factory=Reach)
    expires_at: datetime | None = None

    def may(self, action: Action, department_id: int | None = None) -> None:
        """Raise `Forbidden` naming the action, unless this token allows it (in that department)."""
        if not self.reach.allows(action) or (department_id is not None and not self.reach.covers(department_id)):
            raise reach.refused(action, self.reach)

    def may_work_for(self, kind: ServiceKind, instance: str) -> None:
        """Raise `Forbidden` unless this token belongs to that instance."""
        if self.kind not in (None, kind):
            raise Forbidden(f"this token is for a {self.kind}, not for a {kind}")
        if self.instance is not None and self.instance != instance:
            raise Forbidden(f"this token is bound to instance {self.instance!r}, not to {instance!r}")


@dataclass(frozen=True, slots=True)
class EnvironmentTokens:
    """Hashes of ECE_BOOTSTRAP_TOKEN (a partition administrator) and ECE_WORKER_TOKEN (any worker)."""

    bootstrap: bytes | None
    worker: bytes | None


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _from_environment(tokens: EnvironmentTokens, presented: bytes) -> Caller | None:
    if tokens.bootstrap is not None and hmac.compare_digest(tokens.bootstrap, presented):
        return Caller("bootstrap", "administrator")
    if tokens.worker is not None and hmac.compare_digest(tokens.worker, presented):
        return Caller("worker", None)
    return None


async def _from_database(sessions: Sessions, presented: bytes, now: datetime) -> Caller | None:
    # Its own short transaction: a long poll must not hold a connection, and a rolled back request was still a use.
    async with sessions() as session, session.begin():
        row = await repository.by_hash(session, presented)
        if row is None or row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
            return None
        await repository.touch(session, row, now)
        kind: TokenKind = row.kind  # pyright: ignore[reportAssignmentType] - checked when it was minted
        limits = Reach(_set(row.department_ids), _set(row.actions))
        return Caller(f"token/{row.id}", kind, row.instance, limits, row.expires_at)


def _set(values: list[Any] | None) -> frozenset[Any] | None:
    return None if values is None else frozenset(values)


async def _known(state: State, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is None or not credentials.credentials:
        raise Unauthenticated("send `Authorization: Bearer <token>`")
    presented = hash_token(credentials.credentials)
    tokens: EnvironmentTokens = state.environment_tokens
    clock: Callable[[], datetime] = state.clock
    found = _from_environment(tokens, presented) or await _from_database(state.sessions, presented, clock())
    if found is None:
        raise Unauthenticated("this token is unknown, revoked or has expired")
    return found


async def admit(scope: MutableMapping[str, Any]) -> None:
    """Check who calls before the body is read, and remember it for the route. Raise `Unauthenticated`."""
    request = Request(scope)
    scope[_CALLER] = await _known(request.app.state, await _bearer(request))


async def _caller(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    admitted: Caller | None = request.scope.get(_CALLER)
    return admitted if admitted is not None else await _known(request.app.state, credentials)


AnyCaller = Annotated[Caller, Depends(_caller)]


async def _administrator(request: Request, caller: AnyCaller) -> Caller:
    if caller.kind != "administrator":
        raise Forbidden("this needs an administrator's token; a worker's opens the worker side only")
    await reach.require(request, caller.reach)
    return caller


def _worker(caller: AnyCaller) -> Caller:
    if caller.kind == "administrator":
        raise Forbidden("this is the worker side; use a retriever's or dispatcher's token")
    return caller


Administrator = Annotated[Caller, Depends(_administrator)]
Worker = Annotated[Caller, Depends(_worker)]
