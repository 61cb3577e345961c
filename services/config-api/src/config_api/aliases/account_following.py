"""What aliases do when their account stops working, and what they keep an account from."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.acting import Act
from config_api.aliases import lifecycle, transitions
from config_api.aliases.tables import AliasRow
from config_api.aliases.transitions import Cause
from ece_common.contracts.base import Reference

SHOWN = 100


async def account_invalid(act: Act, account_id: int, detail: str) -> None:
    """Inactive at once, for an administrator to reactivate: three failed attempts each would only hide it."""
    query = (
        select(AliasRow)
        .where(col(AliasRow.account_id) == account_id, col(AliasRow.deleted_at).is_(None))
        .order_by(col(AliasRow.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for alias in (await act.session.exec(query)).all():
        decision = lifecycle.after_account_invalid(transitions.state_of(alias))
        await transitions.write(act, alias, decision, Cause("system", detail[:1000]))


async def of_account(session: AsyncSession, account_id: int) -> list[Reference]:
    """R200 to R202, R205: as long as an alias is in it, whatever that alias is used for."""
    query = (
        select(AliasRow.id, AliasRow.name)
        .where(col(AliasRow.account_id) == account_id, col(AliasRow.deleted_at).is_(None))
        .order_by(col(AliasRow.id))
        .limit(SHOWN)
    )
    return [
        Reference(type="alias", id=identity or 0, name=name) for identity, name in (await session.exec(query)).all()
    ]
