"""What aliases do when their account stops working, and what they keep an account from."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.acting import Act
from config_api.aliases import lifecycle, transitions
from config_api.aliases.tables import AliasRow
from config_api.aliases.transitions import Cause
from ece_common.contracts.base import Reference
from ece_common.errors import Invalid

SHOWN = 100


async def account_invalid(act: Act, account_id: int, detail: str) -> None:
    """Inactive at once, for an administrator to reactivate: three failed attempts each would only hide it."""
    for alias in await _held(act.session, account_id):
        decision = lifecycle.after_account_invalid(transitions.state_of(alias))
        await transitions.write(act, alias, decision, Cause("system", detail[:1000]))


async def servers_changed(session: AsyncSession, account_id: int, incoming: str, moved: bool) -> None:  # noqa: FBT001 - a hook's signature
    """On another server is another mailbox, whose mails are not known yet. POP3 would read the inbox where a folder
    is meant: an alias with one refuses that. Held first: a folder that is just being chosen counts, too.
    """
    by_pop3 = incoming == "POP3"
    for alias in await _held(session, account_id) if by_pop3 or moved else ():
        if by_pop3 and (alias.incoming_folder != "inbox" or alias.after_retrieval not in ("delete", "keep")):
            told = (
                f"cannot be POP3: alias {alias.name!r} has a folder or after_retrieval that needs IMAP; change that "
                "first"
            )
            raise Invalid.field("server_type", told)
        if moved:
            alias.mailbox_generation += 1
            session.add(alias)


async def _held(session: AsyncSession, account_id: int) -> Sequence[AliasRow]:
    """Those in the account, until the transaction ends."""
    query = (
        select(AliasRow)
        .where(col(AliasRow.account_id) == account_id, col(AliasRow.deleted_at).is_(None))
        .order_by(col(AliasRow.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).all()


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
