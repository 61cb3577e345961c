"""What a report for people says of every recipient: qmail's, Exim's, Exchange's and everybody else's. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from ece_common.contracts.evidence import MAXIMUM_RECIPIENTS, EvidenceSource, ReportedRecipient
from ece_common.contracts.policies import Failure
from retriever.parsing import ParsedMail
from retriever.recognition import named_addresses, report_words, status_codes
from retriever.recognition.signs import Signs

_DIAGNOSTIC = 500


@dataclass(frozen=True, slots=True)
class TextReport:
    failure: Failure | None
    """None: it tells of a delivery that went well."""
    source: EvidenceSource
    recipients: list[ReportedRecipient]


def read(mail: ParsedMail, signs: Signs) -> TextReport:
    codes = status_codes.worst(signs.text)
    failure: Failure | None
    if codes.failure is not None:
        failure, source = codes.failure, "codes_in_text"
    elif not signs.body and report_words.of_success(f"{mail.subject}\n{signs.text}"):
        failure, source = None, "words_in_text"
    else:
        passing = report_words.of_passing(f"{mail.subject}\n{signs.text}")
        failure, source = ("temporary" if passing else "permanent"), "words_in_text"
    return TextReport(failure, source, list(_recipients(mail, signs.text, failure)))


def _recipients(mail: ParsedMail, text: str, failure: Failure | None) -> Iterator[ReportedRecipient]:
    """Each address the server names, with what it says before it names the next one."""
    passages = _passages(mail, text)
    for field_value in (value for name, value in mail.headers if name.lower() == "x-failed-recipients"):
        for found in named_addresses.ADDRESS.finditer(field_value[:10_000]):
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


def _passages(mail: ParsedMail, text: str) -> dict[str, str]:
    found = named_addresses.found_in(mail, text)
    begins: list[int] = []
    for number, one in enumerate(found):
        # What stands before an address on its line belongs to it, unless another address stands there.
        line = text.rfind("\n", 0, one.start()) + 1
        begins.append(max(line, found[number - 1].end() if number else 0))
    passages: dict[str, str] = {}
    for one, begin, end in zip(found, begins, [*begins[1:], len(text)], strict=False):
        passages[one[1]] = passages.get(one[1], "") + text[begin:end]
    return passages
