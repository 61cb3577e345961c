"""A mail's bytes -> what it says and carries. `parse` never raises and loses no part."""

import re
from dataclasses import dataclass, field
from typing import Literal

from ece_common.contracts.activities import AttachmentState
from ece_common.contracts.inbound import BlockedAs
from retriever.parsing import addresses, automatic, bodies, charsets, flowed, naming, structure, transfer, words
from retriever.parsing.bodies import Piece
from retriever.parsing.fields import Fields
from retriever.parsing.structure import Leaf

MAXIMUM_HEADERS = 500
MAXIMUM_HEADER_TEXT = 256 * 1024
"""Characters of all header values together that are kept beside the original."""
MAXIMUM_VALUE = 100_000
MAXIMUM_ID = 1000
MAXIMUM_REFERENCES = 200

_MESSAGE_ID = re.compile(r"<[^<>]+>")
_BLANK = re.compile(r"\s+")
_LONE_RETURN = re.compile(rb"\r(?!\n)")
_MANY_TIMES = 5
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to")


@dataclass(frozen=True, slots=True)
class AttachedFile:
    name: str
    content_type: str
    content: bytes = field(repr=False)
    inline: bool = False
    content_id: str | None = None
    """Without angle brackets, as a `cid:` link names it."""
    claimed: tuple[str, ...] = ()
    """Every name the part gives itself, as it came."""
    size: int | None = None
    """Of the content as it came; None: as long as `content`."""
    state: AttachmentState = "available"
    blocked: BlockedAs | None = None


@dataclass(frozen=True, slots=True)
class ParsedMail:
    """Every text in it can be stored by Postgres and written as JSON. Identifiers keep their angle brackets."""

    subject: str
    raw_subject: str
    """Encoded words undecoded: some delivery exception phrases match only this."""
    from_: str | None
    from_name: str | None
    to: list[str]
    cc: list[str]
    reply_to: list[str]
    delivered_to: list[str]
    message_id: str | None
    in_reply_to: str | None
    references: list[str]
    text: str | None
    html: str | None
    headers: list[tuple[str, str]]
    auto_submitted: str | None
    attachments: list[AttachedFile]
    subtype: Literal["email", "auto_reply"] = "email"


@dataclass(frozen=True, slots=True)
class Unparsable:
    """The mail is still handed in: its original, with this reason."""

    reason: str


def parse(original: bytes) -> ParsedMail | Unparsable:
    if not original.strip():
        return Unparsable("the message is empty")
    try:
        return _parse(original)
    except Exception as failure:  # noqa: BLE001 - hostile bytes: whatever they break, the mail itself is kept
        return Unparsable(f"{type(failure).__name__}: {charsets.clean(str(failure))}"[:2000])


def _parse(original: bytes) -> ParsedMail:
    data = _with_line_ends(original)
    fields, leaves = structure.read(data)
    hint = next((label for leaf in leaves if (label := leaf.parameters.get("charset"))), None)
    pieces = [_piece(data, leaf, hint) for leaf in leaves]
    chosen = bodies.choose(pieces)
    sender = next(iter(addresses.read(fields.every("from"), hint)), None)
    raw_subject = fields.first.get("subject", b"")
    return ParsedMail(
        subject=words.read(raw_subject, hint).strip()[:MAXIMUM_VALUE],
        raw_subject=words.unfold(raw_subject, hint).strip()[:MAXIMUM_VALUE],
        from_=(sender.address or None) if sender else None,
        from_name=(sender.name or None) if sender else None,
        to=addresses.plain(fields.every("to"), hint),
        cc=addresses.plain(fields.every("cc"), hint),
        reply_to=addresses.plain(fields.every("reply-to"), hint),
        delivered_to=addresses.plain([value for name in _DELIVERED_TO for value in fields.every(name)], hint),
        message_id=_one_id(fields, "message-id"),
        in_reply_to=next(iter(_ids(fields, "in-reply-to")), None),
        references=_ids(fields, "references")[-MAXIMUM_REFERENCES:],
        text=_body_text(pieces, chosen.text),
        html=_body_text(pieces, chosen.html),
        headers=_headers(fields, hint),
        auto_submitted=automatic.auto_submitted(fields),
        attachments=[_attached(piece, number) for number, piece in enumerate(pieces, 1) if number - 1 not in chosen],
        subtype="auto_reply" if automatic.is_auto_reply(fields) else "email",
    )


def _with_line_ends(original: bytes) -> bytes:
    """Written by an old Macintosh, a carriage return alone ends a line, whatever few line feeds a relay added."""
    lines = original.count(b"\n")
    alone = original.count(b"\r") - original.count(b"\r\n")
    return _LONE_RETURN.sub(b"\n", original) if alone > _MANY_TIMES * lines else original


def _piece(data: bytes, leaf: Leaf, hint: str | None) -> Piece:
    if leaf.whole:
        return Piece(leaf, leaf.prefix + data[leaf.start : leaf.end], "attachment", None)
    disposition, options = naming.disposition(leaf.fields, hint)
    encoding = leaf.fields.first.get("content-transfer-encoding", b"")
    content = data[leaf.start : leaf.end]
    if encoding:
        content = transfer.decode(content, words.unfold(encoding).partition(";")[0].strip(" \t\"'").lower())
    claimed = naming.claimed(leaf.fields, options, leaf.parameters, hint=hint)
    return Piece(leaf, content, disposition, naming.given(options, leaf.parameters), claimed)


def _body_text(pieces: list[Piece], index: int | None) -> str | None:
    if index is None:
        return None
    piece = pieces[index]
    text = charsets.decode(piece.content, piece.leaf.parameters.get("charset"))
    text = text.replace("\r\n", "\n") if "\r" in text else text
    options = piece.leaf.parameters
    if options.get("format", "").lower() == "flowed" and piece.leaf.content_type == "text/plain":
        return flowed.joined(text, delete_space=options.get("delsp", "").lower() == "yes")
    return text


def _attached(piece: Piece, number: int) -> AttachedFile:
    content_id = piece.leaf.fields.first.get("content-id")
    kind = naming.content_type(piece.leaf.content_type)
    return AttachedFile(
        name=piece.name or naming.made_up(kind, number),
        content_type=kind,
        content=piece.content,
        inline=piece.disposition == "inline" or (content_id is not None and piece.disposition != "attachment"),
        content_id=(words.unfold(content_id).strip(" <>")[:MAXIMUM_ID] or None) if content_id is not None else None,
        claimed=piece.claimed,
    )


def _ids(fields: Fields, name: str) -> list[str]:
    """The message identifiers in a field (RFC 5322 section 3.6.4); folding may have put blanks into them."""
    value = fields.first.get(name)
    if value is None:
        return []
    return [_BLANK.sub("", found)[:MAXIMUM_ID] for found in _MESSAGE_ID.findall(words.unfold(value))]


def _one_id(fields: Fields, name: str) -> str | None:
    """Some senders leave the angle brackets out: then the whole value is the identifier."""
    if name not in fields.first:
        return None
    return next(iter(_ids(fields, name)), None) or words.unfold(fields.first[name]).strip()[:MAXIMUM_ID] or None


def _headers(fields: Fields, hint: str | None) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    room = MAXIMUM_HEADER_TEXT
    for name, value in fields.pairs[:MAXIMUM_HEADERS]:
        text = words.read(value, hint)[: min(room, MAXIMUM_VALUE)]
        headers.append((name[:255], text))
        room -= len(text)
        if room <= 0:
            break
    return headers
