"""An alias as anyone may see it: the row without its secrets, with the ports in force."""

from collections.abc import Sequence
from typing import Any

from config_api.accounts import mail_access
from config_api.accounts import repository as accounts
from config_api.accounts.mail_access import MailAccess
from config_api.acting import Act
from config_api.aliases import draft
from config_api.aliases.tables import AliasRow, TransitionRow
from ece_common.contracts.aliases import Alias, Incoming, Outgoing, StatusTransition, TlsOptions

UNREADABLE = "secret_unreadable"


async def shown(act: Act, rows: Sequence[AliasRow]) -> list[Alias]:
    """With the retriever instance that each is in, and the servers of the account that it belongs to."""
    session, place = act.session, act.hooks.alias_placement
    ids = [row.id for row in rows if row.id is not None]
    instances = await place.names(session, ids) if place is not None else {}
    owned = [row.account_id for row in rows if row.account_id is not None]
    found = await accounts.with_applications(session, owned)
    access = {account_id: mail_access.of_account(*pair) for account_id, pair in found.items()}
    told = [alias(row, instances.get(row.id or 0), access.get(row.account_id or 0)) for row in rows]
    for row, one in zip(rows, told, strict=True):
        secret = found[row.account_id][0].tokens if row.account_id is not None else row.incoming_password
        if one.status == "active" and secret is not None and not act.vault.opens(secret):
            # Nobody can report that, since no worker is given it.
            one.status_reason = UNREADABLE
    return told


def alias(row: AliasRow, retriever_instance: str | None, access: MailAccess | None) -> Alias:
    own = {
        name: getattr(row, name)
        for name in Alias.model_fields
        if name not in {"incoming", "outgoing", "retriever_instance", "retry_at"}
    }
    incoming, outgoing = _own_servers(row) if access is None else _by_account(row, access)
    return Alias(
        **own,
        retry_at=row.next_attempt_at if row.status == "inactive" else None,
        incoming=incoming,
        outgoing=outgoing,
        retriever_instance=retriever_instance,
    )


def _own_servers(row: AliasRow) -> tuple[Incoming, Outgoing]:
    configured = draft.of_row(row)
    return (
        Incoming(port=configured.port("incoming"), **_section(row, "incoming", Incoming)),
        Outgoing(port=configured.port("outgoing"), **_section(row, "outgoing", Outgoing)),
    )


def _by_account(row: AliasRow, access: MailAccess) -> tuple[Incoming, Outgoing]:
    """What is kept of a converted alias's own servers is not shown until it leaves the account."""
    return (
        Incoming(
            server_type=access.incoming_type, server_name=access.incoming.host, port=access.incoming.port,
            use_ssl=access.incoming.use_ssl, user_name=row.email_address, password_set=False,
            folder=row.incoming_folder, tls=TlsOptions(**row.incoming_tls),
        ),
        Outgoing(
            server_type="ESMTP", use_smtp="never", server_name=access.outgoing.host, port=access.outgoing.port,
            use_ssl=access.outgoing.use_ssl, user_name=row.email_address, password_set=False,
            tls=TlsOptions(**row.outgoing_tls),
        ),
    )  # fmt: skip


def _section(row: AliasRow, section: str, shape: type[Incoming | Outgoing]) -> dict[str, Any]:
    values = {
        name: getattr(row, f"{section}_{name}") for name in shape.model_fields if name not in {"port", "password_set"}
    }
    return {**values, "password_set": getattr(row, f"{section}_password") is not None}


def transition(row: TransitionRow) -> StatusTransition:
    values = {name: getattr(row, name) for name in StatusTransition.model_fields}
    return StatusTransition(**values)
