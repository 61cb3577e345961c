"""What every use case is given: in which transaction, on whose behalf, at what moment, with which followers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import journal
from config_api.access.callers import Administrator, Caller, Worker
from config_api.database import Session
from config_api.references import Hooks
from config_api.sealing import Vault


@dataclass(frozen=True, slots=True)
class Act:
    session: AsyncSession
    caller: Caller
    hooks: Hooks
    vault: Vault
    now: datetime

    def audit(self, action: str, subject: str, told: Mapping[str, Any], *, department_id: int | None = None) -> None:
        journal.audit(self.session, self.caller.name, action, subject, told, department_id=department_id)

    def event(self, kind: str, subject: str, data: Mapping[str, Any], *, department_id: int | None = None) -> None:
        journal.event(self.session, kind, subject, data, department_id=department_id)


def _act(request: Request, session: AsyncSession, caller: Caller) -> Act:
    state = request.app.state
    clock: Callable[[], datetime] = state.clock
    return Act(session, caller, state.hooks, state.vault, clock())


def _as_administrator(request: Request, caller: Administrator, session: Session) -> Act:
    return _act(request, session, caller)


def _as_worker(request: Request, caller: Worker, session: Session) -> Act:
    return _act(request, session, caller)


AsAdministrator = Annotated[Act, Depends(_as_administrator, scope="function")]
AsWorker = Annotated[Act, Depends(_as_worker, scope="function")]
