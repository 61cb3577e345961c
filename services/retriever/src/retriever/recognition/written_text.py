"""What a person would read in a mail: its text without what is quoted, or its HTML without the markup. Pure."""

import re
from html import unescape

from retriever.parsing import ParsedMail, charsets

LOOKED_AT = 16 * 1024
"""Characters that are searched for words and codes; mail systems say what they have to say first."""
_TEXTS_BESIDE = 5

_QUOTED = re.compile(r"^[ \t]*[>|][^\n]*\n?", re.MULTILINE)
_UNSHOWN = re.compile(r"<(?:style|script|title)\b", re.IGNORECASE)
_SHOWN_AGAIN = re.compile(r"</(?:style|script|title)\s*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--[^<]{0,2000}-->")
_LINE_END = re.compile(r"<(?:br|/p|/div|/tr|/h\d|/li)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")


def of(mail: ParsedMail) -> str:
    body = mail.text if mail.text and mail.text.strip() else plain((mail.html or "")[: 8 * LOOKED_AT])
    beside = [file for file in mail.attachments if file.content_type == "text/plain"][:_TEXTS_BESIDE]
    texts = [body, *(charsets.decode(file.content[:LOOKED_AT], None) for file in beside)]
    return _QUOTED.sub("", "\n".join(text[:LOOKED_AT] for text in texts).replace("\r\n", "\n"))


def plain(html: str) -> str:
    """In linear time, whatever is open and never closed."""
    shown, *hidden = _UNSHOWN.split(html)
    pieces = [shown, *(piece[found.end() :] for piece in hidden if (found := _SHOWN_AGAIN.search(piece)))]
    text = _LINE_END.sub("\n", _COMMENT.sub(" ", " ".join(pieces)))
    return unescape(_TAG.sub(" ", text))
