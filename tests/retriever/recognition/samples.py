"""The sample reports, and phrases to judge them by."""

from typing import Any

from ece_common.contracts.evidence import Evidence
from ece_common.contracts.policies import DeliveryExceptionPhrase
from ece_common.contracts.settings import BounceEvidence
from ece_common.policies import predefined
from ece_common.policies.delivery_exceptions import Matcher
from retriever.recognition import Recognised, recognise
from tests.retriever.parsed_mail import CORPUS, parsed

NO_PHRASES = Matcher([])
PREDEFINED = Matcher(
    DeliveryExceptionPhrase(id=number, type=one.type, phrase=one.phrase, failure=one.failure)
    for number, one in enumerate(predefined.delivery_exceptions(), 1)
)


def recognised(
    data: bytes, matcher: Matcher = NO_PHRASES, how: BounceEvidence = "delivery_status_first"
) -> Recognised:
    return recognise(parsed(data), data, matcher, how)


def report(name: str) -> bytes:
    return (CORPUS / "reports" / f"{name}.eml").read_bytes()


def evidence_of(name: str, **how: Any) -> Evidence:
    found = recognised(report(name), **how).evidence
    assert found is not None
    return found


def a_mail(subject: str, text: str, *header: str, sender: str = "MAILER-DAEMON@relay.test") -> bytes:
    fields = [f"From: {sender}", "To: support@shop.test", f"Subject: {subject}", *header]
    return "\r\n".join([*fields, "Content-Type: text/plain; charset=utf-8", "", text, ""]).encode()
