"""A claimed delivery as the dispatcher gets it: what to write, from whom, to whom."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from config_api.aliases.tables import AliasRow
from config_api.bulk import Bulk
from config_api.outbound import return_tag
from config_api.outbound.access import Route
from config_api.outbound.addressing import pending
from config_api.outbound.conclusion import State
from config_api.sealing import Vault
from ece_common.contracts.outbound import OutboundAttachment, OutboundMessage, PendingRecipient


async def messages(
    bulk: Bulk,
    vault: Vault,
    claimed: Mapping[int, State],
    chosen: Mapping[int, tuple[AliasRow | None, bool]],
    routes: Mapping[int | None, Route],
) -> list[OutboundMessage]:
    """`chosen`: the alias of each activity, and whether it is an automatic answer. In the order of `claimed`."""
    if not claimed:
        return []
    found = await bulk.fetch(
        'SELECT id, from_address, from_name, "to", cc, subject, text, html, message_id, in_reply_to, "references",'
        " created_at FROM activities WHERE id = ANY($1)",
        list(claimed),
    )
    rows = {row["id"]: row for row in found}
    files = await _files(bulk, list(claimed))
    return [
        _message(rows[id_], state, chosen[id_], files.get(id_, []), return_tag.make(vault, id_), routes)
        for id_, state in claimed.items()
    ]


async def _files(bulk: Bulk, activity_ids: list[int]) -> dict[int, list[OutboundAttachment]]:
    rows = await bulk.fetch(
        "SELECT activity_id, n, name, content_type, size FROM attachments WHERE activity_id = ANY($1)"
        " AND state = 'available' ORDER BY activity_id, n",
        activity_ids,
    )
    files: dict[int, list[OutboundAttachment]] = {}
    for activity_id, n, name, content_type, size in rows:
        file = OutboundAttachment(n=n, name=name, content_type=content_type, size=size)
        files.setdefault(activity_id, []).append(file)
    return files


def _message(
    row: asyncpg.Record,
    state: State,
    chosen: tuple[AliasRow | None, bool],
    files: list[OutboundAttachment],
    tag: str,
    routes: Mapping[int | None, Route],
) -> OutboundMessage:
    alias, automatic = chosen
    to_now = pending(state.recipients)
    overridden = [one.address for one in to_now if one.kind == "send_mail_to"]
    values: dict[str, Any] = {
        "activity_id": state.activity_id,
        "claim_id": state.claim_id,
        "claim_expires_at": state.claim_expires_at,
        "route": routes[alias.id if alias is not None else None].key,
        "envelope_from": "" if automatic or alias is None else alias.email_address,
        "from": row["from_address"],
        "from_name": row["from_name"],
        # Whoever answers all from the overriding mailbox must not reach the customer either (R59).
        "to": overridden or row["to"],
        "cc": [] if overridden else row["cc"],
        "recipients": [PendingRecipient.model_validate(one) for one in to_now],
        "subject": row["subject"],
        "text": row["text"],
        "html": row["html"],
        "message_id": row["message_id"],
        "in_reply_to": row["in_reply_to"],
        "references": row["references"],
        "date": row["created_at"],
        "automatic": automatic,
        "return_tag": tag,
        "attachments": files,
        "attempts": state.attempts,
    }
    return OutboundMessage.model_validate(values)
