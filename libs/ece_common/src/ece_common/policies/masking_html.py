"""HTML as a person reads it and what it hides in its tags, each as a view with the way back. Pure.

A number that inline tags, comments or entities take apart is one number on the screen, and so it is here. Tags that
begin a new line or cell separate; lines of the source do not: to a browser they are blanks, and many blanks are one.
What no one sees (attributes, comments, scripts) is read piece by piece.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache

from ece_common.policies.masking_engines import Watch
from ece_common.policies.masking_views import ODD, View, is_odd, of_text, read_as

# HTML's own tokenizer, section 13.2.5 of the standard, as far as it matters: quotes count after an equals sign only.
# Each branch begins with its own character: so the search for the next token is a search for these.
_MARKUP = (
    r"<(?:(?P<comment>!--(?:-?>|.*?(?:--!?>|\Z))|[!?][^>]*+>?|/(?![a-zA-Z])[^>]*+>?)"
    r"|(?P<tag>/?(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)|=)*+>?))"
    r"|&(?P<entity>\#0*+[0-9]{1,7}|\#[xX]0*+[0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31}+);?"
)
_TOKEN = re.compile(_MARKUP, re.DOTALL)
_BLANKS = re.compile(r"[ \t\n\f\r]+")
_NOT_ONE_BLANK = re.compile(r"[ \t\n\f\r]{2,}|[\t\n\f\r]")
_SEPARATOR = "\x1e"
_TOKEN_OR_ODD = re.compile(rf"{_MARKUP}|(?P<odd>{ODD})", re.DOTALL)
_ATTRIBUTE = re.compile(r"""=\s*+(?:"([^"]*)|'([^']*)|([^\s>"']+))|([^\s=<>"'/]*[0-9][^\s=<>"'/]*)""")
_ENCODED = re.compile(
    rf"&(?P<entity>\#[0-9]+|\#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]{{1,31}});?"
    rf"|(?P<blank>[\t\n\f\r]+|(?<=[0-9])\+(?=[0-9]))|(?P<odd>{ODD})"
)
_DISPLAYED_INLINE = re.compile(r"display\s*:\s*(?:inline|contents)", re.IGNORECASE)
_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"})
_SEPARATES = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "br", "button", "caption", "center", "dd", "details",
        "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
        "h4", "h5", "h6", "head", "header", "hr", "html", "img", "input", "legend", "li", "main", "menu", "nav", "ol",
        "optgroup", "option", "p", "pre", "section", "select", "summary", "table", "tbody", "td", "textarea", "tfoot",
        "th", "thead", "title", "tr", "ul", *_RAW,
    }
)  # fmt: skip


def readings(source: str) -> tuple[str, str]:
    """What the two views of HtmlViews read, at a third of the cost: enough to see that no pattern matches."""
    visible, hidden, known = list[str](), list[str](), dict[str, tuple[str, bool]]()
    separating = _separating(source)
    position = 0
    token = _token(source)
    tokens = token.finditer(source)
    while (found := next(tokens, None)) is not None:
        start, end = found.span()
        if start > position:
            visible.append(source[position:start])
        position = end
        if found.lastgroup == "tag":
            tag = found[0]
            reading = known.get(tag)
            if reading is None:
                name = found["name"].lower()
                reading = known[tag] = (_SEPARATOR if name in separating else "", name in _RAW)
                hidden += _attributes(found)
            visible.append(reading[0])
            if reading[1]:
                position = _end_of_raw(found)
                if position > end:
                    hidden.append(_flat(source[end:position]))
                    tokens = token.finditer(source, position)
        elif found.lastgroup == "comment":
            hidden.append(_flat(source[slice(*_inside_comment(found))]))
        else:
            visible.append(_entity(found["entity"]) if found.lastgroup == "entity" else read_as(found[0]))
    visible.append(source[position:])
    return _one_blank("".join(visible)).replace(_SEPARATOR, "\n"), "\n".join((*hidden, ""))


def _one_blank(text: str) -> str:
    """As _BLANKS would replace them, in a tenth of the time."""
    for blank in "\t\n\f\r":
        text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def _token(source: str) -> "re.Pattern[str]":
    return _TOKEN_OR_ODD if is_odd(source) else _TOKEN


def _attributes(found: "re.Match[str]") -> Iterator[str]:
    for attribute in _ATTRIBUTE.finditer(found.string, found.start("name"), found.end()):
        if attribute.lastindex is not None:
            yield _ENCODED.sub(_decoding, attribute[attribute.lastindex])


def _flat(text: str) -> str:
    return of_text(text).text


class HtmlViews:
    """`visible`: the text on the screen. `hidden`: every other piece, one a line."""

    def __init__(self, source: str, watch: Watch | None = None) -> None:
        """Raises OutOfTime when `watch` says so."""
        self.visible, self.hidden = View(watch), View(watch)
        self._source = source
        self._after_blank = False
        self._separating = _separating(source)
        position, end, token = 0, len(source), _token(source)
        while position < end:
            found = token.search(source, position)
            if found is None:
                break
            self._written(position, found.start())
            position = self._take(found)
            self.visible.step()
        self._written(position, end)

    def _written(self, start: int, end: int) -> None:
        """Text of the source: a run of blanks is one, also where tags stand in it."""
        position = start
        for found in _NOT_ONE_BLANK.finditer(self._source, start, end):
            self._verbatim(position, found.start())
            self._read(" ", *found.span())
            position = found.end()
        self._verbatim(position, end)

    def _verbatim(self, start: int, end: int) -> None:
        if self._after_blank and start < end and self._source[start] == " ":
            start += 1
        if start < end:
            self.visible.verbatim(self._source, start, end)
            self._after_blank = self._source[end - 1] == " "

    def _read(self, mark: str, start: int, end: int) -> None:
        mark = mark.lstrip(" ") if self._after_blank else mark
        self.visible.stands_for(mark, start, end)
        self._after_blank = mark.endswith(" ") if mark else self._after_blank

    def _take(self, found: "re.Match[str]") -> int:
        """Takes one token; where the next one may begin."""
        start, end = found.span()
        match found.lastgroup:
            case "comment":
                self._hide(*_inside_comment(found))
            case "entity":
                self._read(_entity(found["entity"]), start, end)
            case "odd":
                self._read(_BLANKS.sub(" ", read_as(found["odd"])), start, end)
            case _:
                return self._tag(found)
        return end

    def _tag(self, found: "re.Match[str]") -> int:
        end = found.end()
        if found["name"].lower() in self._separating:
            self._read("\n", end, end)
        for attribute in _ATTRIBUTE.finditer(self._source, found.start("name"), end):
            group = attribute.lastindex
            if group is not None:
                _decoded(self.hidden, self._source, *attribute.span(group))
                self.hidden.stands_for("\n", end, end)
        stop = _end_of_raw(found)
        if stop > end:
            self._hide(end, stop)
        return stop

    def _hide(self, start: int, end: int) -> None:
        of_text(self._source, start, end, self.hidden)
        self.hidden.stands_for("\n", end, end)


def _separating(source: str) -> frozenset[str]:
    """Elements that begin a new line or cell; without those that a style of this document puts into the line."""
    if _DISPLAYED_INLINE.search(source) is None:
        return _SEPARATES
    tags = (found for found in _TOKEN.finditer(source) if found.lastgroup == "tag")
    return _SEPARATES - {found["name"].lower() for found in tags if _DISPLAYED_INLINE.search(found["tag"])}


def _inside_comment(found: "re.Match[str]") -> tuple[int, int]:
    """What stands between the marks of a comment or declaration, closed or not."""
    begin = found.start() + (4 if found[0].startswith("<!--") else 2)
    inside = found.string[begin : found.end()].removesuffix(">").removesuffix("!").removesuffix("--")
    return begin, begin + len(inside)


def _end_of_raw(found: "re.Match[str]") -> int:
    """Where a script or style ends that this tag opens; the end of the tag itself for all others."""
    name, end = found["name"].lower(), found.end()
    if name not in _RAW or found["tag"].startswith("/"):
        return end
    closing = re.compile(f"</{name}", re.IGNORECASE).search(found.string, end)
    return closing.start() if closing is not None else len(found.string)


def _decoded(view: View, source: str, start: int, end: int) -> None:
    """An attribute's value: entities as in text, percent-encoding and blanks as in links."""
    position = start
    for found in _ENCODED.finditer(source, start, end):
        view.verbatim(source, position, found.start())
        view.stands_for(_decoding(found), *found.span())
        position = found.end()
    view.verbatim(source, position, end)


def _decoding(found: "re.Match[str]") -> str:
    if found["blank"]:
        return " "
    return _entity(found["entity"]) if found["entity"] else read_as(found["odd"])


@lru_cache(maxsize=256)
def _entity(entity: str) -> str:
    if entity.startswith("#"):  # without its zeros: there may be thousands
        hexadecimal = entity[1] in "xX"
        entity = f"#{'x' if hexadecimal else ''}{entity[1 + hexadecimal :].lstrip('0') or '0'}"
    return _BLANKS.sub(" ", "".join(map(read_as, html.unescape(f"&{entity};"))))
