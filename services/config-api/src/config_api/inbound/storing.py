"""Writes new activities with their attachments and originals: four COPYs for a batch of any size."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

from config_api.bulk import Bulk
from config_api.routing.placement import Placed
from config_api.sealing import Vault
from ece_common.contracts.inbound import BlockedAs, InboundMessage

_ACTIVITY = (
    "id", "department_id", "alias_id", "queue_id", "direction", "subtype", "status", "from_address", "from_name",
    "to", "cc", "reply_to", "delivered_to", "subject", "text", "html", "headers", "message_id", "in_reply_to",
    "references", "parent_id", "auto_submitted", "evidence", "policy_version", "unparsed_reason",
    "priority", "due_at", "tags", "routing_error", "received_at", "created_at", "updated_at",
)  # fmt: skip
_CASTS = {"headers": "::json", "evidence": "::jsonb"}
_ATTACHMENT = ("activity_id", "n", "name", "content_type", "size", "state", "inline", "content_id", "content")
_BLOCKED = ("department_id", "activity_id", "n", "extension", "path", "reason", "blocked_at")
_ORIGINAL = ("activity_id", "sealed", "content")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new mail and where it belongs."""

    activity_id: int
    department_id: int
    alias_id: int
    placed: Placed
    parent_id: int | None
    message: InboundMessage


async def store(bulk: Bulk, vault: Vault, arrivals: Sequence[Arrival], contents: memoryview, now: datetime) -> None:
    await bulk.copy("activities", _ACTIVITY, [_activity(arrival, now) for arrival in arrivals])
    await bulk.copy(
        "attachments", _ATTACHMENT, [row for arrival in arrivals for row in _attachments(arrival, contents)]
    )
    await bulk.copy("blocked_attachments", _BLOCKED, [row for arrival in arrivals for row in _blocked(arrival, now)])
    await bulk.copy(
        "originals", _ORIGINAL, [row for arrival in arrivals for row in _original(arrival, contents, vault)]
    )
    await bulk.events([_event(arrival) for arrival in arrivals])


async def replace(bulk: Bulk, vault: Vault, arrival: Arrival, contents: memoryview, now: datetime) -> None:
    """The mail of an activity that is there already: what was read of it now, instead of what was stored."""
    values = dict(zip(_ACTIVITY, _activity(arrival, now), strict=True))
    kept = ("id", "department_id", "alias_id", "direction", "status", "created_at")
    changed = {name: value for name, value in values.items() if name not in kept}
    assigned = ", ".join(f'"{name}" = ${n}{_CASTS.get(name, "")}' for n, name in enumerate(changed, 2))
    await bulk.execute(
        f"UPDATE activities SET {assigned}, version = version + 1 WHERE id = $1",  # noqa: S608 - names of columns
        arrival.activity_id, *changed.values(),
    )  # fmt: skip
    await bulk.execute("DELETE FROM attachments WHERE activity_id = $1", arrival.activity_id)
    await bulk.execute("DELETE FROM originals WHERE activity_id = $1", arrival.activity_id)
    await bulk.execute("DELETE FROM blocked_attachments WHERE activity_id = $1", arrival.activity_id)
    await bulk.copy("attachments", _ATTACHMENT, list(_attachments(arrival, contents)))
    await bulk.copy("blocked_attachments", _BLOCKED, list(_blocked(arrival, now)))
    await bulk.copy("originals", _ORIGINAL, list(_original(arrival, contents, vault)))


def _activity(arrival: Arrival, now: datetime) -> tuple[Any, ...]:
    message = arrival.message
    return (
        arrival.activity_id, arrival.department_id, arrival.alias_id, arrival.placed.queue_id, "inbound",
        message.subtype, "new", message.from_, message.from_name, message.to, message.cc, message.reply_to,
        message.delivered_to,
        message.subject, message.text, message.html, _headers(message), message.message_id, message.in_reply_to,
        message.references, arrival.parent_id, message.auto_submitted, _evidence(message),
        message.policy_version, message.unparsed_reason, arrival.placed.priority, arrival.placed.due_at,
        arrival.placed.tags, arrival.placed.routing_error, _moment(message.received_at) or now, now, now,
    )  # fmt: skip


def _headers(message: InboundMessage) -> str:
    return to_json(message.headers).decode()


def _evidence(message: InboundMessage) -> str | None:
    return None if message.evidence is None else message.evidence.model_dump_json(exclude_defaults=True)


def _moment(value: datetime | None) -> datetime | None:
    """A moment without a time zone is taken for UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _attachments(arrival: Arrival, contents: memoryview) -> Iterator[tuple[Any, ...]]:
    for n, attachment in enumerate(arrival.message.attachments, 1):
        piece = attachment.content
        size = piece.size if attachment.size is None else attachment.size
        content = None if attachment.state == "deleted" else contents[piece.offset : piece.offset + piece.size]
        yield (
            arrival.activity_id, n, attachment.name, attachment.content_type, size, attachment.state,
            attachment.inline, attachment.content_id, content,
        )  # fmt: skip


def _blocked(arrival: Arrival, now: datetime) -> Iterator[tuple[Any, ...]]:
    """What is kept in quarantine; a deleted attachment is in no list (R230)."""
    for n, attachment in enumerate(arrival.message.attachments, 1):
        if attachment.state == "quarantined":
            why = attachment.blocked or BlockedAs()
            yield arrival.department_id, arrival.activity_id, n, why.extension, why.path, why.reason, now


def _original(arrival: Arrival, contents: memoryview, vault: Vault) -> Iterator[tuple[Any, ...]]:
    piece = arrival.message.original
    if piece is None:
        return
    content = contents[piece.offset : piece.offset + piece.size]
    # Nothing could mask what nothing could read.
    sealed = arrival.message.subtype == "unparsed"
    yield arrival.activity_id, sealed, vault.seal_bytes(bytes(content)) if sealed else content


def _event(arrival: Arrival) -> tuple[str, str, int | None, str]:
    data = {
        "activity_id": arrival.activity_id,
        "direction": "inbound",
        "subtype": arrival.message.subtype,
        "alias_id": arrival.alias_id,
        "queue_id": arrival.placed.queue_id,
        "parent_id": arrival.parent_id,
        **_routed(arrival.placed),
    }
    return "activity.created", f"activity/{arrival.activity_id}", arrival.department_id, json.dumps(data)


def _routed(placed: Placed) -> dict[str, Any]:
    """What a workflow said; most mail has none of it."""
    told: dict[str, Any] = {
        "priority": placed.priority,
        "due_at": None if placed.due_at is None else placed.due_at.isoformat(),
        "tags": placed.tags or None,
        "routing_error": placed.routing_error,
    }
    return {name: value for name, value in told.items() if value is not None}
