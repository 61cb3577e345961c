"""HTML as a person reads it and what it hides in its tags, each as a view with the way back. Pure.

A number that inline tags, comments or entities take apart is one number on the screen, and so it is here. Tags that
begin a new line or cell separate. What no one sees (attributes, comments, scripts) is read piece by piece.
"""

import html
import re

from ece_common.policies.masking_views import ODD, View, of_text, read_as

# HTML's own tokenizer, section 13.2.5 of the standard, as far as it matters: quotes count after an equals sign only.
_TOKEN = re.compile(
    r"(?P<comment><!--(?:-?>|.*?(?:--!?>|\Z))|<[!?][^>]*+>?|</(?![a-zA-Z])[^>]*+>?)"
    r"|(?P<tag></?(?P<name>[a-zA-Z][^\s/>]*+)(?:[^>=]++|=\s*+(?:\"[^\"]*+\"?|'[^']*+'?)|=)*+>?)"
    r"|&(?P<entity>\#0*+[0-9]{1,7}|\#[xX]0*+[0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31}+);?"
    rf"|(?P<odd>{ODD})",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""=\s*+(?:"([^"]*)|'([^']*)|([^\s>"']+))|([^\s=<>"'/]*[0-9][^\s=<>"'/]*)""")
_ENCODED = re.compile(
    rf"&(?P<entity>\#[0-9]+|\#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]{{1,31}});?|%(?P<hex>[0-9a-fA-F]{{2}})|(?P<odd>{ODD})"
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


class HtmlViews:
    """`visible`: the text on the screen. `hidden`: every other piece, one a line."""

    def __init__(self, source: str) -> None:
        self.visible, self.hidden = View(), View()
        self._source = source
        position, end = 0, len(source)
        while position < end:
            found = _TOKEN.search(source, position)
            if found is None:
                break
            self.visible.verbatim(source, position, found.start())
            position = self._token(found)
        self.visible.verbatim(source, position, end)

    def _token(self, found: "re.Match[str]") -> int:
        """Takes one token; where the next one may begin."""
        start, end = found.span()
        match found.lastgroup:
            case "comment":
                self._hide(start + 2, end - 1)
            case "entity":
                _stands_for(self.visible, found["entity"], start, end)
            case "odd":
                self.visible.stands_for(read_as(found["odd"]), start, end)
            case _:
                return self._tag(found)
        return end

    def _tag(self, found: "re.Match[str]") -> int:
        name, end = found["name"].lower(), found.end()
        if name in _SEPARATES and not _DISPLAYED_INLINE.search(found["tag"]):
            self.visible.stands_for("\n", end, end)
        for attribute in _ATTRIBUTE.finditer(self._source, found.end("name"), end):
            group = attribute.lastindex
            if group is not None:
                _decoded(self.hidden, self._source, *attribute.span(group))
                self.hidden.stands_for("\n", end, end)
        if name not in _RAW or found["tag"].startswith("</"):
            return end
        closing = re.compile(f"</{re.escape(name)}", re.IGNORECASE).search(self._source, end)
        stop = closing.start() if closing is not None else len(self._source)
        self._hide(end, stop)
        return stop

    def _hide(self, start: int, end: int) -> None:
        of_text(self._source, start, end, self.hidden)
        self.hidden.stands_for("\n", end, end)


def _decoded(view: View, source: str, start: int, end: int) -> None:
    """An attribute's value: entities as in text, and percent-encoding as in links."""
    position = start
    for found in _ENCODED.finditer(source, start, end):
        view.verbatim(source, position, found.start())
        if found["hex"]:
            code = int(found["hex"], 16)
            view.stands_for(chr(code) if 32 <= code < 127 else "\ufffd", *found.span())
        elif found["entity"]:
            _stands_for(view, found["entity"], *found.span())
        else:
            view.stands_for(read_as(found["odd"]), *found.span())
        position = found.end()
    view.verbatim(source, position, end)


def _stands_for(view: View, entity: str, start: int, end: int) -> None:
    if entity.startswith("#"):  # without its zeros: there may be thousands
        hexadecimal = entity[1] in "xX"
        entity = f"#{'x' if hexadecimal else ''}{entity[1 + hexadecimal :].lstrip('0') or '0'}"
    view.stands_for("".join(map(read_as, html.unescape(f"&{entity};"))), start, end)
