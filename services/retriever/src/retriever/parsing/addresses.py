"""Who is named in an address field (RFC 5322 section 3.4): lenient, in linear time, names decoded after splitting."""

import re
from typing import NamedTuple

from retriever.parsing import words

MAXIMUM_ADDRESSES = 2000
MAXIMUM_LENGTH = 1000
SHORT = 500
"""Longer fields skip the two quick patterns, which go back and forth over runs of blanks."""

_SIMPLE = re.compile(r'\s*(?:"([^"\\<>]*)"|([^"\\<>(),;:@]*?))\s*<([^<>\s"(),;:\\]+)>\s*$')
_BARE = re.compile(r'\s*([^<>\s"(),;:\\]+@[^<>\s"(),;:\\]+)\s*$')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.){0,256}"|\([^()\\]*\)|<[^<>]*>|\[[^\[\]]*\]|[,;:]|[^",;:<(\[]+|.', re.DOTALL)
_ROUTE = re.compile(r"^@[^:]*:")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Mailbox(NamedTuple):
    name: str
    address: str


def read(values: list[bytes], hint: str | None = None) -> list[Mailbox]:
    """Every address in the fields' values, in order. An address is returned as written, valid or not."""
    found: list[Mailbox] = []
    for value in values:
        found.extend(_one_field(words.unfold(value, hint), nested=False))
        if len(found) >= MAXIMUM_ADDRESSES:
            break
    return found[:MAXIMUM_ADDRESSES]


def plain(values: list[bytes], hint: str | None = None) -> list[str]:
    """The addresses alone, each once."""
    return list(dict.fromkeys(mailbox.address for mailbox in read(values, hint)))


def _one_field(text: str, *, nested: bool) -> list[Mailbox]:
    short = len(text) <= SHORT
    simple = _SIMPLE.match(text) if short else None
    if simple is not None:
        return [Mailbox(_shown(simple[1] or simple[2] or ""), simple[3][:MAXIMUM_LENGTH])]
    bare = _BARE.match(text) if short and "'" not in text else None
    if bare is not None:
        return [Mailbox("", bare[1][:MAXIMUM_LENGTH])]
    found: list[Mailbox] = []
    entry: list[str] = []
    addressed = False
    for piece in _TOKEN.findall(text):
        if piece in (",", ";"):
            found.extend(_entry(entry, nested=nested))
            entry, addressed = [], False
        elif piece == ":" and not addressed:
            entry = []  # the name of a group: `undisclosed-recipients:;`
        else:
            entry.append(piece)
            addressed = addressed or "@" in piece
        if len(found) >= MAXIMUM_ADDRESSES:
            return found
    return found + _entry(entry, nested=nested)


def _entry(tokens: list[str], *, nested: bool) -> list[Mailbox]:
    angle = next((token for token in reversed(tokens) if token[0] == "<" and token[-1] == ">"), None)
    if angle is not None:
        address = _ROUTE.sub("", angle[1:-1].strip())
        name = "".join(_shown_token(token) for token in tokens if token is not angle and token[0] not in "(<")
        comments = " ".join(token[1:-1] for token in tokens if token[0] == "(" and token[-1] == ")")
        return [Mailbox(_shown(name.strip() or comments), address[:MAXIMUM_LENGTH])] if address else []
    comments = " ".join(token[1:-1] for token in tokens if token[0] == "(" and token[-1] == ")")
    text = "".join(token for token in tokens if not (token[0] == "(" and token[-1] == ")")).strip(" \t")
    if "=?" in text and "@" not in text and not nested:
        # Some senders encode the whole of `Name <address>` as one word.
        return _one_field(words.decode_words(text), nested=True)
    return _loose(text, comments)


def _loose(text: str, comments: str) -> list[Mailbox]:
    """No angle brackets: the word with the at sign is the address, what stands around it the name."""
    if not text:
        return []
    if '"' in text or "@" not in text:
        return [Mailbox(_shown(comments), text.strip("<>")[:MAXIMUM_LENGTH])]
    parts = text.split()
    address = next(part for part in parts if "@" in part)
    name = " ".join(part for part in parts if part is not address)
    return [Mailbox(_shown(name or comments), address.strip("'<>")[:MAXIMUM_LENGTH])]


def _shown_token(token: str) -> str:
    return _ESCAPED.sub(r"\1", token[1:-1]) if len(token) > 1 and token[0] == '"' == token[-1] else token


def _shown(name: str) -> str:
    name = name.strip()
    return (words.decode_words(name) if "=?" in name else name)[:MAXIMUM_LENGTH]
