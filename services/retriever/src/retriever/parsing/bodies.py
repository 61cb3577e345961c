"""Which leaf is the text a person wrote, which its HTML, and that everything else is an attachment."""

from collections.abc import Sequence
from typing import NamedTuple

from retriever.parsing.structure import Leaf

# Control characters no text holds but white space and the escape of ISO-2022.
_BINARY = bytes(code for code in range(32) if code not in b"\t\n\x0b\x0c\r\x1b")
_LOOKED_AT = 4096


class Piece(NamedTuple):
    """A leaf with its content decoded from the transfer encoding."""

    leaf: Leaf
    content: bytes
    disposition: str
    name: str | None
    claimed: tuple[str, ...] = ()


class Choice(NamedTuple):
    """Indexes of the body parts; None where the mail has none."""

    text: int | None
    html: int | None


def choose(pieces: Sequence[Piece]) -> Choice:
    """The first text for a person, and the HTML that says the same.

    HTML in another place than beside the text is a document of its own: taking it for the body would show the agent
    one of the two only.
    """
    first = next((index for index, piece in enumerate(pieces) if _may_be_body(piece, alone=len(pieces) == 1)), None)
    if first is None:
        return Choice(None, None)
    other_type = "text/html" if pieces[first].leaf.content_type == "text/plain" else "text/plain"
    second = next(
        (index for index in range(first + 1, len(pieces)) if _goes_with(pieces, first, index, other_type)), None
    )
    return Choice(first, second) if other_type == "text/html" else Choice(second, first)


def _may_be_body(piece: Piece, *, alone: bool) -> bool:
    if piece.leaf.whole or piece.leaf.content_type not in ("text/plain", "text/html"):
        return False
    if piece.disposition == "attachment" or (piece.name is not None and not alone):
        return False
    return not _is_binary(piece)


def _goes_with(pieces: Sequence[Piece], first: int, index: int, content_type: str) -> bool:
    piece = pieces[index]
    if piece.leaf.content_type != content_type or not _may_be_body(piece, alone=False):
        return False
    return _alternatives(pieces[first].leaf, piece.leaf) or not pieces[first].content.strip()


def _alternatives(one: Leaf, other: Leaf) -> bool:
    for (mine, alternative), (theirs, _) in zip(one.path, other.path, strict=False):
        if mine != theirs:
            return alternative
    return False


def _is_binary(piece: Piece) -> bool:
    """Bytes under the label of text: as text they would lose characters, as an attachment they lose nothing."""
    if piece.leaf.parameters.get("charset", "").lower().startswith(("utf-16", "utf-32", "unicode", "ucs")):
        return False
    head = piece.content[:_LOOKED_AT]
    return (len(head) - len(head.translate(None, _BINARY))) * 50 > len(head)
