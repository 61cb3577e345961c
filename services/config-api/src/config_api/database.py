"""One session for each request, committed once, before the response leaves."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import CursorResult, TextClause
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from ece_common.errors import EceError

Sessions = async_sessionmaker[AsyncSession]


def create_engine(url: str, *, connections: int) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        # A statement or an idle transaction that outlives its request must not keep its locks.
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": "ece-config-api",
                "statement_timeout": "30000",
                "lock_timeout": "10000",
                "idle_in_transaction_session_timeout": "60000",
            },
        },
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    sessions: Sessions = request.app.state.sessions
    async with sessions() as opened, opened.begin():
        yield opened


# scope="function": by default FastAPI runs what follows the yield after the response has left, and a worker that
# reads 200 settles its mail on a commit that may still fail.
Session = Annotated[AsyncSession, Depends(_session, scope="function")]


async def flush(session: AsyncSession, constraint: str, taken: EceError) -> None:
    """Write what is pending. Raise `taken` when another request, at the same moment, was first to store the same."""
    try:
        await session.flush()
    except IntegrityError as problem:
        if f'"{constraint}"' in str(problem.orig):
            raise taken from None
        raise


async def run(session: AsyncSession, statement: TextClause, values: Mapping[str, Any]) -> CursorResult[Any]:
    """One statement in SQL's own words, in the session's transaction, after what is pending."""
    return await session.exec(statement, params=values)  # pyright: ignore[reportCallIssue, reportArgumentType]
