"""Sample mails as bytes, one oddity per kind; what a test does not say is ordinary and the same every time."""

import base64
import random
from collections.abc import Callable
from email.header import Header
from typing import Literal, get_args

Kind = Literal[
    "plain",
    "html",
    "alternative",
    "attachment",
    "inline_image",
    "utf8",
    "iso_2022_jp",
    "nested",
    "dsn",
    "reply",
    "eight_bit_headers",
    "no_from",
    "no_message_id",
    "broken_charset",
    "deep",
    "big",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

# the smallest picture a browser shows: one transparent pixel
PIXEL_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
BIG = 1024 * 1024


class _Draft:
    """Header lines in order, as bytes, because some kinds are not valid text."""

    def __init__(self, headers: dict[str, str | None]) -> None:
        self._headers: dict[str, bytes] = {}
        self.set(**{"MIME-Version": "1.0"})
        self.set(**headers)

    def set(self, **headers: str | bytes | None) -> None:
        """None removes; a name given again keeps its place."""
        for name, value in headers.items():
            if value is None:
                self._headers.pop(name, None)
            else:
                self._headers[name] = value.encode() if isinstance(value, str) else value

    def with_part(self, part: bytes) -> bytes:
        head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in self._headers.items())
        return head + part


def a_mail(
    kind: Kind = "plain",
    *,
    number: int = 1,
    sender: str = "Anna Berg <anna@customer.test>",
    to: str = "box@rig.test",
    subject: str | None = None,
    text: str = "Where is my order?",
    in_reply_to: str = "",
    size: int = BIG,
    headers: dict[str, str | None] | None = None,
) -> bytes:
    """A complete message with CRLF line ends; `number` makes Message-ID and Subject differ.

    `in_reply_to`: a Message-ID, for "reply". `size`: bytes of the attachment of "big".
    `headers`: set last; None as a value takes that header out. See message_id() for the Message-ID.
    """
    draft = _Draft(
        {
            "From": sender,
            "To": to,
            "Subject": subject or f"Question {number}",
            "Date": f"Tue, 04 Mar 2025 10:{number // 60 % 60:02}:{number % 60:02} +0000",
            "Message-ID": message_id(number),
        }
    )
    part = _BODIES[kind](draft, text, size if kind == "big" else number)
    if kind == "reply":
        draft.set(**_thread(in_reply_to or message_id(number - 1), subject or f"Question {number}"))
    draft.set(**(headers or {}))
    return draft.with_part(part)


def message_id(number: int) -> str:
    return f"<{number}.sample@customer.test>"


def _thread(parent: str, subject: str) -> dict[str, str]:
    references = f"<0.root@rig.test> {parent}"
    return {"In-Reply-To": parent, "References": references, "Subject": f"Re: {subject}"}


# --- parts: their own headers, an empty line, content


def _text(text: str, kind: str = "plain", charset: str = "utf-8") -> bytes:
    lines = "\r\n".join(text.splitlines()).encode(charset)
    head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return head.encode() + lines + b"\r\n"


def _html(text: str) -> bytes:
    return _text(f"<html><body><p>{text}</p></body></html>", "html")


def _binary(content: bytes, kind: str, disposition: str, *more: str) -> bytes:
    head = [f"Content-Type: {kind}", f"Content-Disposition: {disposition}", *more]
    head.append("Content-Transfer-Encoding: base64")
    encoded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + encoded


def _multipart(kind: str, *parts: bytes, depth: int = 0) -> bytes:
    mark = f"=_sample_{kind.partition(';')[0]}_{depth}"
    head = f'Content-Type: multipart/{kind}; boundary="{mark}"\r\n\r\n'
    inside = b"".join(f"--{mark}\r\n".encode() + part + b"\r\n" for part in parts)
    return head.encode() + inside + f"--{mark}--\r\n".encode()


# --- kinds


def _plain(_draft: _Draft, text: str, _number: int) -> bytes:
    return _text(text)


def _only_html(_draft: _Draft, text: str, _number: int) -> bytes:
    return _html(text)


def _alternative(_draft: _Draft, text: str, _number: int) -> bytes:
    return _multipart("alternative", _text(text), _html(text))


def _attachment(_draft: _Draft, text: str, number: int) -> bytes:
    pdf = b"%PDF-1.4\n" + random.Random(number).randbytes(2000) + b"\n%%EOF\n"
    # RFC 2231 section 4: a name with an umlaut
    name = "attachment; filename*=utf-8''%C3%9Cbersicht.pdf"
    return _multipart("mixed", _text(text), _binary(pdf, "application/pdf", name))


def _inline_image(_draft: _Draft, text: str, _number: int) -> bytes:
    page = _text(f'<html><body><p>{text}</p><img src="cid:logo@sample"></body></html>', "html")
    image = _binary(PIXEL_PNG, "image/png", 'inline; filename="logo.png"', "Content-ID: <logo@sample>")
    return _multipart("related", page, image)


def _utf8(draft: _Draft, text: str, number: int) -> bytes:
    subject = Header(f"Grüße aus Łódź, № {number} ✓", "utf-8", maxlinelen=900).encode()
    draft.set(Subject=subject, From="=?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <juergen@customer.test>")
    return _text(f"Zażółć gęślą jaźń. 東京\n{text}")


def _iso_2022_jp(draft: _Draft, _text_given: str, _number: int) -> bytes:
    draft.set(Subject=Header("注文の確認", "iso-2022-jp").encode())
    return _text("注文番号を教えてください。", charset="iso-2022-jp").replace(b": 8bit", b": 7bit")


def _nested(_draft: _Draft, text: str, number: int) -> bytes:
    inner = a_mail("alternative", number=number + 1000, text="The forwarded one")
    head = b"Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n"
    return _multipart("mixed", _text(text), head + inner)


def _dsn(draft: _Draft, _text_given: str, number: int) -> bytes:
    """RFC 3464, about a mail that box@rig.test sent."""
    draft.set(
        **{
            "Return-Path": "<>",
            "From": "Mail Delivery System <MAILER-DAEMON@mx.customer.test>",
            "Subject": "Undelivered Mail Returned to Sender",
            "Auto-Submitted": "auto-replied",
        }
    )
    status = (
        "Content-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.customer.test\r\n\r\n"
        "Final-Recipient: rfc822; gone@customer.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <gone@customer.test>: User unknown\r\n"
    )
    original = (
        "Content-Type: text/rfc822-headers\r\n\r\nFrom: box@rig.test\r\nTo: gone@customer.test\r\n"
        f"Message-ID: <sent-{number}@rig.test>\r\nSubject: Your order\r\n"
    )
    notice = _text("<gone@customer.test>: 550 5.1.1 User unknown")
    return _multipart("report; report-type=delivery-status", notice, status.encode(), original.encode())


def _eight_bit_headers(draft: _Draft, text: str, _number: int) -> bytes:
    """Latin-1 bytes where RFC 5322 allows ASCII only; common in the wild."""
    draft.set(Subject="Rückfrage zur Lieferung".encode("latin-1"))
    draft.set(From="Jörg Groß <joerg@customer.test>".encode("latin-1"))
    return _text(text)


def _no_from(draft: _Draft, text: str, _number: int) -> bytes:
    draft.set(From=None)
    return _text(text)


def _no_message_id(draft: _Draft, text: str, _number: int) -> bytes:
    draft.set(**{"Message-ID": None})
    return _text(text)


def _broken_charset(draft: _Draft, text: str, _number: int) -> bytes:
    """A charset nobody has, and bytes that are not in the one the subject claims."""
    draft.set(Subject="=?utf-8?q?K=FCndigung?=")
    return _text(text).replace(b"charset=utf-8", b"charset=x-no-such-charset") + b"\xff\xfe broken\r\n"


def _deep(_draft: _Draft, text: str, _number: int) -> bytes:
    part = _text(text)
    for depth in range(10):
        part = _multipart("mixed", part, depth=depth)
    return part


def _big(_draft: _Draft, text: str, size: int) -> bytes:
    content = random.Random(size).randbytes(size)
    return _multipart("mixed", _text(text), _binary(content, "application/zip", 'attachment; filename="big.zip"'))


_BODIES: dict[Kind, Callable[[_Draft, str, int], bytes]] = {
    "plain": _plain,
    "html": _only_html,
    "alternative": _alternative,
    "attachment": _attachment,
    "inline_image": _inline_image,
    "utf8": _utf8,
    "iso_2022_jp": _iso_2022_jp,
    "nested": _nested,
    "dsn": _dsn,
    "reply": _plain,
    "eight_bit_headers": _eight_bit_headers,
    "no_from": _no_from,
    "no_message_id": _no_message_id,
    "broken_charset": _broken_charset,
    "deep": _deep,
    "big": _big,
}
