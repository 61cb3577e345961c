"""What aliases do when their account stops working, and what they keep an account from."""

from sqlmodel import col, or_, select, update
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


async def servers_changed(session: AsyncSession, account_id: int, incoming: str, moved: bool) -> None:  # noqa: FBT001 - a hook's signature
    """On another server is another mailbox, whose mails are not known yet. POP3 would read the inbox where a folder
    is meant: an alias with one refuses that.
    """
    inside = (col(AliasRow.account_id) == account_id) & col(AliasRow.deleted_at).is_(None)
    if incoming == "POP3":
        unfit = or_(
            col(AliasRow.incoming_folder) != "inbox", col(AliasRow.after_retrieval).not_in(("delete", "keep"))
        )
        found = (await session.exec(select(AliasRow.name).where(inside, unfit).order_by(col(AliasRow.id)))).first()
        if found is not None:
            told = (
                f"cannot be POP3: alias {found!r} has a folder or after_retrieval that needs IMAP; change that first"
            )
            raise Invalid.field("server_type", told)
    if moved:
        other = col(AliasRow.mailbox_generation) + 1
        await session.exec(update(AliasRow).where(inside).values(mailbox_generation=other))


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
