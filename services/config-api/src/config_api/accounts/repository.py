"""Every query on accounts and authorization requests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import and_, col, delete, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import database
from config_api.accounts.tables import AccountRow, AuthorizationRequestRow
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.accounts import AccountStatus, AuthorizationState
from ece_common.errors import NotFound

KEPT_ALIVE_EVERY = timedelta(days=1)
"""A grant that nobody uses runs out; using it once a day keeps it (notes of Microsoft: 90 days)."""


async def get(session: AsyncSession, account_id: int, *, lock: bool = False) -> AccountRow:
    """Raise `NotFound` when there is none. With `lock` the row is held until the transaction ends."""
    found = await maybe(session, account_id, lock=lock)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    return found


async def maybe(session: AsyncSession, account_id: int, *, lock: bool = False) -> AccountRow | None:
    query = select(AccountRow).where(col(AccountRow.id) == account_id)
    if lock:
        # NO KEY: an alias that refers to it need not wait.
        query = query.with_for_update(key_share=True)
    return (await session.exec(query.execution_options(populate_existing=True))).one_or_none()


async def lock_tokens(session: AsyncSession, account_id: int) -> None:
    """Whoever asks the provider about this account does it alone, in all processes, until the transaction ends."""
    key = text("SELECT pg_advisory_xact_lock(hashtextextended('ece account', :account))")
    await database.run(session, key, {"account": account_id})


async def wait_longer(session: AsyncSession, seconds: int) -> None:
    """For this transaction: whoever holds the tokens is speaking with a provider."""
    for name in ("lock_timeout", "statement_timeout"):
        await database.run(
            session, text("SELECT set_config(:name, :value, true)"), {"name": name, "value": f"{seconds}s"}
        )


async def with_applications(
    session: AsyncSession, account_ids: Sequence[int]
) -> dict[int, tuple[AccountRow, ApplicationRow]]:
    if not account_ids:
        return {}
    query = (
        select(AccountRow, ApplicationRow)
        .join(ApplicationRow, col(ApplicationRow.id) == col(AccountRow.oauth_application_id))
        .where(col(AccountRow.id).in_(set(account_ids)))
    )
    return {account.id or 0: (account, application) for account, application in (await session.exec(query)).all()}


async def after(
    session: AsyncSession,
    department_id: int,
    position: int,
    count: int,
    filters: tuple[AccountStatus | None, AuthorizationState | None],
) -> Sequence[tuple[AccountRow, ApplicationRow]]:
    query = (
        select(AccountRow, ApplicationRow)
        .join(ApplicationRow, col(ApplicationRow.id) == col(AccountRow.oauth_application_id))
        .where(AccountRow.department_id == department_id, col(AccountRow.id) > position)
    )
    status, state = filters
    if status is not None:
        query = query.where(AccountRow.status == status)
    if state is not None:
        query = query.where(AccountRow.authorization_state == state)
    return (await session.exec(query.order_by(col(AccountRow.id)).limit(count))).all()


async def names(session: AsyncSession, where: Any, count: int) -> Sequence[tuple[int | None, str]]:  # noqa: ANN401 - an SQL condition
    query = select(AccountRow.id, AccountRow.account_name).where(where).order_by(col(AccountRow.id)).limit(count)
    return (await session.exec(query)).all()


async def of_application(session: AsyncSession, application_id: int) -> Sequence[AccountRow]:
    """Held until the transaction ends."""
    query = select(AccountRow).where(AccountRow.oauth_application_id == application_id).order_by(col(AccountRow.id))
    query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.exec(query)).all()


async def due(session: AsyncSession, now: datetime, count: int) -> Sequence[tuple[int, int]]:
    """Id and token number of the accounts whose tokens are to be renewed. Of inactive ones only the grant is kept."""
    query = (
        select(AccountRow.id, AccountRow.token_number)
        .where(
            col(AccountRow.renew_at).is_not(None),
            or_(
                and_(col(AccountRow.status) == "active", col(AccountRow.renew_at) <= now),
                col(AccountRow.renewed_at) <= now - KEPT_ALIVE_EVERY,
            ),
            or_(col(AccountRow.put_off_until).is_(None), col(AccountRow.put_off_until) <= now),
        )
        .order_by(col(AccountRow.renew_at))
        .limit(count)
    )
    return [(account_id or 0, number) for account_id, number in (await session.exec(query)).all()]


async def request_by_state(session: AsyncSession, state_hash: bytes) -> AuthorizationRequestRow | None:
    """Held until the transaction ends: a state is good for one return."""
    query = select(AuthorizationRequestRow).where(AuthorizationRequestRow.state_hash == state_hash)
    return (await session.exec(query.with_for_update())).one_or_none()


async def request_by_code(session: AsyncSession, code_hash: bytes) -> AuthorizationRequestRow | None:
    query = select(AuthorizationRequestRow).where(AuthorizationRequestRow.code_hash == code_hash)
    return (
        await session.exec(query.order_by(col(AuthorizationRequestRow.id).desc()).limit(1).with_for_update())
    ).first()


async def open_requests(
    session: AsyncSession, application_id: int, account_id: int | None, now: datetime, count: int
) -> Sequence[AuthorizationRequestRow]:
    """Those of the application that nobody came back from yet; the account's own first, then the newest."""
    own = col(AuthorizationRequestRow.account_id)
    query = (
        select(AuthorizationRequestRow)
        .where(
            AuthorizationRequestRow.oauth_application_id == application_id,
            or_(own.is_(None), own == account_id),
            col(AuthorizationRequestRow.returned_at).is_(None),
            col(AuthorizationRequestRow.expires_at) > now,
        )
        .order_by(own.is_(None), col(AuthorizationRequestRow.id).desc())
        .limit(count)
    )
    return (await session.exec(query)).all()


async def settle_request(session: AsyncSession, request_id: int, now: datetime) -> None:
    """Its code is redeemed."""
    await session.exec(
        update(AuthorizationRequestRow).where(col(AuthorizationRequestRow.id) == request_id).values(redeemed_at=now)
    )


async def forget_requests(session: AsyncSession, before: datetime) -> None:
    await session.exec(delete(AuthorizationRequestRow).where(col(AuthorizationRequestRow.created_at) < before))
