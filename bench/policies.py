"""What the policies cost a mail: recognise, block and mask, without fetching and parsing it."""

import base64
import time
from email.message import EmailMessage
from email.policy import SMTP

from ece_common.contracts.policies import (
    BlockingPolicy,
    DeliveryExceptionPhrase,
    DepartmentPolicies,
    MaskingPattern,
    MaskingPolicy,
)
from ece_common.policies import predefined
from retriever.applied_policies import AppliedPolicies, compiled
from retriever.blocked_files import blocked
from retriever.masked_mail import masked
from retriever.parsing import ParsedMail, parse
from retriever.recognition import recognise

MAIL_SIZE = 8 * 1024
EXTENSIONS: str = "exe vbs js bat cmd com scr pif hta lnk msi jar ps1 reg wsf chm cpl dll iso vbe"
EXPRESSIONS = {
    "payment card": r"\b(?:\d[ -]?){12,18}\d\b",
    "American Express": r"\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b",
    "US social security": r"\b\d{3}-\d{2}-\d{4}\b",
    "IBAN": r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){3,7}(?:[ ]?[A-Z0-9]{1,3})?\b",
    "US phone": r"\(\d{3}\) \d{3}-\d{4}",
    "UK national insurance": r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
    "birth date": r"(?i)\bborn on \d{1,2}[./]\d{1,2}[./]\d{4}\b",
    "password": r"(?i)\bpass(?:word|code):\s*\S+",
    "passport": r"\b[A-Z]\d{8}\b",
    "account number": r"(?i)\baccount (?:no|number)[.:]? ?\d{6,12}\b",
}
_SENTENCE = "We have received your order 4711 and shall send it on Tuesday, as you asked us to in your last mail. "


def microseconds(mails: int) -> float:
    """For one mail, on average."""
    mail, original, policies = _mail()
    started = time.perf_counter()
    for _ in range(mails):
        _through(mail, original, policies)
    return (time.perf_counter() - started) / mails * 1e6


def _through(mail: ParsedMail, original: bytes, policies: AppliedPolicies) -> None:
    found = recognise(mail, original, policies.exceptions, "delivery_status_first")
    passed = blocked(mail, policies.blocking)
    assert policies.masker is not None
    masked(passed, found, policies.masker)


def _mail() -> tuple[ParsedMail, bytes, AppliedPolicies]:
    """Text and HTML that say the same, a small PDF, and the header fields of a mail that came a long way."""
    mail = EmailMessage()
    mail["Received"] = (
        "from mx.example.com (mx.example.com [192.0.2.1]) by mail.shop.test; Tue, 24 Nov 2026 02:00:00 +0000"
    )
    mail["Message-ID"], mail["Date"] = "<a1b2c3@example.com>", "Tue, 24 Nov 2026 01:59:58 +0000"
    mail["From"], mail["To"], mail["Subject"] = (
        "Ann Smith <ann@example.com>",
        "support@shop.test",
        "My order of Monday",
    )
    mail["X-Mailer"], mail["References"] = "Mail 16.0", "<d4e5f6@shop.test>"
    mail.set_content(_SENTENCE * 26)
    paragraphs = "".join(f"<p style='margin:0'>{_SENTENCE}<b>Thanks</b>,&nbsp;Ann</p>\n" for _ in range(17))
    mail.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")
    pdf = b"%PDF-1.7\n" + base64.b64encode(bytes(range(256)) * 4)
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename="order.pdf")
    original = mail.as_bytes(policy=SMTP)
    assert abs(len(original) - MAIL_SIZE) < MAIL_SIZE // 10, len(original)
    parsed = parse(original)
    assert isinstance(parsed, ParsedMail)
    return parsed, original, compiled(_policies())


def _policies() -> DepartmentPolicies:
    phrases = [
        DeliveryExceptionPhrase(id=number, type=one.type, phrase=one.phrase, failure=one.failure)
        for number, one in enumerate(predefined.delivery_exceptions(), 1)
    ]
    patterns = [
        MaskingPattern(name=name, java_regular_expression=expression, apply_luhn=name == "payment card")
        for name, expression in EXPRESSIONS.items()
    ]
    return DepartmentPolicies(
        version="bench",
        delivery_exceptions=phrases,
        blocking=BlockingPolicy(blocked_file_extensions=EXTENSIONS.split()),
        masking=MaskingPolicy(mask_incoming=True, patterns=patterns),
    )
