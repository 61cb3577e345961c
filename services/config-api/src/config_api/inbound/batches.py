"""What a retriever sent -> a batch of which every message can be stored, and the reasons for the others. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from config_api.inbound.keys import source_key
from ece_common.contracts.inbound import InboundBatch, InboundMessage, Slice
from ece_common.errors import Invalid

_NUL_ESCAPED = b"\\u0000"


@dataclass(frozen=True, slots=True)
class Batch:
    envelope: InboundBatch
    messages: dict[int, InboundMessage]
    """By their index in the request: those that can be stored."""
    refused: dict[int, str]


def read(raw: bytes, contents_size: int) -> Batch:
    """Raise when the envelope is malformed, naming the field; nothing of it is stored then."""
    envelope, indexes, refused = _parse(raw)
    messages: dict[int, InboundMessage] = {}
    suspicious = _NUL_ESCAPED in raw
    for index, message in zip(indexes, envelope.messages, strict=True):
        _require_within(index, message, contents_size)
        reason = _unstorable(message, suspicious=suspicious)
        if reason is None:
            messages[index] = message
        else:
            refused[index] = reason
    return Batch(envelope, messages, refused)


def _parse(raw: bytes) -> tuple[InboundBatch, list[int], dict[int, str]]:
    try:
        envelope = InboundBatch.model_validate_json(raw)
    except ValidationError as problem:
        if problem.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            return _parse_with_surrogates(raw)
        raise _named(problem) from None
    return envelope, list(range(len(envelope.messages))), {}


def _parse_with_surrogates(raw: bytes) -> tuple[InboundBatch, list[int], dict[int, str]]:
    """JSON may escape half of a surrogate pair; neither UTF-8 nor Postgres can hold it. Only that mail is refused."""
    try:
        data: Any = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise Invalid.field("batch", f"is not JSON: {type(problem).__name__}") from None
    found = data.get("messages") if isinstance(data, dict) else None
    messages: list[Any] = found if isinstance(found, list) else []
    kept: list[int] = []
    refused: dict[int, str] = {}
    for index, message in enumerate(messages):
        if _encodable(message):
            kept.append(index)
        else:
            refused[index] = "the text holds half of a surrogate pair, which is no character"
    if refused:
        data["messages"] = [messages[index] for index in kept]
    try:
        return InboundBatch.model_validate(data), kept, refused
    except ValidationError as problem:
        raise _named(problem) from None


def _encodable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _named(problem: ValidationError) -> RequestValidationError:
    errors = problem.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**error, "loc": ("batch", *error["loc"])} for error in errors])


def _slices(message: InboundMessage) -> Iterator[tuple[str, Slice]]:
    if message.original is not None:
        yield "original", message.original
    for n, attachment in enumerate(message.attachments):
        yield f"attachments.{n}.content", attachment.content


def _require_within(index: int, message: InboundMessage, size: int) -> None:
    for name, piece in _slices(message):
        if piece.offset + piece.size > size:
            raise Invalid.field(
                f"batch.messages.{index}.{name}",
                f"ends at {piece.offset + piece.size}, but `contents` has {size} bytes",
            )


def _unstorable(message: InboundMessage, *, suspicious: bool) -> str | None:
    if source_key(message.source) is None:
        return "source: needs `uidvalidity` and `uid` (0 to 2**63-1), or `uidl`"
    if suspicious and _holds_nul(message.model_dump()):
        return "the text holds the character U+0000, which Postgres cannot store"
    try:
        if message.received_at is not None:
            message.received_at.astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        return f"received_at: {problem}"
    return None


def _holds_nul(value: object) -> bool:
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any(_holds_nul(name) or _holds_nul(held) for name, held in value.items())
        case list():
            return any(map(_holds_nul, value))
        case _:
            return False
