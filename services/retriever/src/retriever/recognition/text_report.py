"""What a report for people says of every recipient: qmail's, Exim's, Exchange's and everybody else's. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, EvidenceSource, ReportedRecipient
from ece_common.contracts.policies import Failure
from retriever.parsing import ParsedMail
from retriever.recognition import report_words, status_codes
from retriever.recognition.signs import Signs

_ADDRESS = re.compile(r"(?<![\w.+\-@])([\w.+\-=!#$%&*/?^`{|}~]{1,64}@(?:[\w\-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![\w@])")
_DIAGNOSTIC = 500


@dataclass(frozen=True, slots=True)
class TextReport:
    failure: Failure
    source: EvidenceSource
    recipients: list[ReportedRecipient]


def read(mail: ParsedMail, signs: Signs) -> TextReport:
    codes = status_codes.worst(signs.text)
    if codes.failure is not None:
        failure, source = codes.failure, "codes_in_text"
    else:
        passing = report_words.of_passing(f"{mail.subject}\n{signs.text}")
        failure, source = ("temporary" if passing else "permanent"), "words_in_text"
    return TextReport(failure, source, list(_recipients(mail, signs.text, failure)))


def _recipients(mail: ParsedMail, text: str, failure: Failure) -> Iterator[ReportedRecipient]:
    """Each address the server names, with what it says before it names the next one."""
    passages = _passages(text, _not_meant(mail))
    for field_value in (value for name, value in mail.headers if name.lower() == "x-failed-recipients"):
        for found in _ADDRESS.finditer(field_value[:10_000]):
            passages.setdefault(found[1], "")
    for address, passage in list(passages.items())[:MAXIMUM_RECIPIENTS]:
        codes = status_codes.worst(passage)
        yield ReportedRecipient(
            address=address,
            status=codes.enhanced,
            smtp_code=codes.smtp,
            diagnostic=" ".join(passage.split())[:_DIAGNOSTIC] or None,
            failure=codes.failure or failure,
        )


def _not_meant(mail: ParsedMail) -> set[str]:
    """Who reports, and to whom."""
    addresses = [mail.from_ or "", *mail.to, *mail.cc, *mail.reply_to, *mail.delivered_to]
    return {address.lower() for address in addresses}


def _passages(text: str, passed_over: set[str]) -> dict[str, str]:
    found = [one for one in _ADDRESS.finditer(text) if one[1].lower() not in passed_over]
    begins: list[int] = []
    for number, one in enumerate(found):
        # What stands before an address on its line belongs to it, unless another address stands there.
        line = text.rfind("\n", 0, one.start()) + 1
        begins.append(max(line, found[number - 1].end() if number else 0))
    passages: dict[str, str] = {}
    for one, begin, end in zip(found, begins, [*begins[1:], len(text)], strict=False):
        passages[one[1]] = passages.get(one[1], "") + text[begin:end]
    return passages
