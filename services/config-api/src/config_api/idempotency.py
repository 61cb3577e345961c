"""Idempotency-Key: a POST that is repeated answers what it answered before, for 24 hours.

The key's row is written in the transaction of the work, so both are there or neither is; a second request with the
key waits on that row until the first has ended.
"""
# SQLModel's documentation sets __tablename__ so; its type says otherwise.
# pyright: reportAssignmentType=false

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import AnyCaller
from config_api.database import Session
from ece_common.errors import Invalid

Answer = TypeVar("Answer", bound=BaseModel)

KEPT_FOR = timedelta(hours=24)
PURGED_AT_ONCE = 50

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Any text of the caller's. The same request with the same key within 24 hours is done once.",
    ),
]


class AnsweredRow(SQLModel, table=True):
    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("idempotency_keys_age", "created_at"),)

    key_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    answer: str | None = Field(default=None, sa_column=Column(Text))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


@dataclass(frozen=True, slots=True)
class Once:
    """Runs the work of this request, or answers what it answered when it ran."""

    session: AsyncSession
    response: Response
    key_hash: bytes | None
    body_hash: bytes
    now: datetime

    async def run(self, kind: type[Answer], work: Callable[[], Awaitable[Answer]]) -> Answer:
        if self.key_hash is None:
            return await work()
        await self._purge()
        if not await self._reserve(self.key_hash):
            return kind.model_validate_json(await self._earlier(self.key_hash))
        answer = await work()
        row = await self.session.get_one(AnsweredRow, self.key_hash)
        row.answer = answer.model_dump_json(by_alias=True)
        self.session.add(row)
        return answer

    async def _reserve(self, key_hash: bytes) -> bool:
        """Waits while another request with this key is under way."""
        values = {"body_hash": self.body_hash, "answer": None, "created_at": self.now}
        new = insert(AnsweredRow).values(key_hash=key_hash, **values)
        expired = col(AnsweredRow.created_at) < self.now - KEPT_FOR
        new = new.on_conflict_do_update(index_elements=["key_hash"], set_=values, where=expired)
        made = await self.session.exec(new.returning(col(AnsweredRow.key_hash)))
        return made.first() is not None

    async def _earlier(self, key_hash: bytes) -> str:
        row = await self.session.get_one(AnsweredRow, key_hash)
        if row.body_hash != self.body_hash or row.answer is None:
            raise Invalid.field(
                "header.Idempotency-Key", "was used within 24 hours for a request with another body; use a new key"
            )
        self.response.headers["Idempotent-Replayed"] = "true"
        return row.answer

    async def _purge(self) -> None:
        old = (
            select(AnsweredRow.key_hash)
            .where(col(AnsweredRow.created_at) < self.now - KEPT_FOR)
            .order_by(col(AnsweredRow.created_at))
            .limit(PURGED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        await self.session.exec(delete(AnsweredRow).where(col(AnsweredRow.key_hash).in_(old)))


async def _once(
    request: Request, response: Response, session: Session, caller: AnyCaller, key: KeyHeader = None
) -> Once:
    body = await request.body()
    scope = "\x00".join((caller.name, request.method, request.url.path, key or ""))
    return Once(
        session=session,
        response=response,
        key_hash=None if key is None else hashlib.sha256(scope.encode()).digest(),
        body_hash=hashlib.sha256(body).digest(),
        now=request.app.state.clock(),
    )


OnceOnly = Annotated[Once, Depends(_once, scope="function")]
