"""When a body is too long to be shown: it becomes an attachment, and a note stands in its place. Pure."""

from dataclasses import replace

from retriever.parsing import AttachedFile, ParsedMail


def bounded(mail: ParsedMail, maximum: int, note: str) -> ParsedMail:
    """`maximum` in bytes of UTF-8, for the text and the HTML each. A small text beside large HTML stays as it is."""
    large_text, large_html = _too_large(mail.text, maximum), _too_large(mail.html, maximum)
    moved = [*_as_file(large_text, "txt", "plain"), *_as_file(large_html, "html", "html")]
    if not moved:
        return mail
    return replace(
        mail,
        text=note if large_text is not None or mail.text is None else mail.text,
        html=None,
        attachments=[*moved, *_as_file(_left_over(mail, large_html), "html", "html"), *mail.attachments],
    )


def _left_over(mail: ParsedMail, large_html: bytes | None) -> bytes | None:
    """Small HTML beside a large text would be shown instead of the note: it goes with the text."""
    return mail.html.encode() if mail.html is not None and large_html is None else None


def _too_large(body: str | None, maximum: int) -> bytes | None:
    # UTF-8 needs at most four bytes a character, so most bodies need not be encoded to know.
    if body is None or len(body) * 4 <= maximum:
        return None
    encoded = body.encode()
    return encoded if len(encoded) > maximum else None


def _as_file(content: bytes | None, extension: str, kind: str) -> list[AttachedFile]:
    if content is None:
        return []
    return [AttachedFile(f"body.{extension}", f"text/{kind}; charset=utf-8", content)]
