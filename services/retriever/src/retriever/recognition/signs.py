"""How much speaks for a mail being a mail system's report for people, and not a mail of people about one. Pure.

No sign decides alone: ordinary mail quotes reports, vacation replies come with an empty return path, and newsletters
from postmasters.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from retriever.parsing import ParsedMail
from retriever.recognition import report_words, returned_message, status_codes, written_text

_LOCAL_PART = 100
"""Characters of it that are looked at."""
_DAEMON = re.compile(
    r"^(?:.*[.\-_+])?(?:mail(?:er|s?)?[-_. ]?da?emon|double-?bounce|post[-_]?master|mail[-_.]?(?:delivery"
    r"|subsystem|system).*|mdaemon|bounces?|nondeliver\w*|symantec_antivirus.*|daemon|mail-?router|mail-?gateway|mailadm\w*|smtpd?"
    r"|microsoftexchange\w*)(?:[.\-_+].*)?$",
    re.IGNORECASE,
)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ \-]?da?emon|mail delivery|postmaster|system administrator|mail administrator|microsoft outlook"
    r"|delivery (?:sub)?system|mail system|internet mail|systemadministrator|administrateur syst",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|sv|antw|antwort|fwd?|wg|tr|vs|r)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_FAILED_FIELDS = ("x-failed-recipients", "x-ms-exchange-message-is-ndr")


@dataclass(frozen=True, slots=True)
class Signs:
    """Points for whatever speaks for a report. `text` is what the server itself wrote, without what it returns."""

    server: int
    """Its header says that a mail server wrote it."""
    machine: int
    """Its header says that a person did not."""
    subject: int
    body: int
    details: int
    """What only mail servers add: status codes, the message that came back."""
    answer: bool
    text: str

    @property
    def any(self) -> bool:
        return self.server + self.machine + self.subject > 0

    @property
    def is_report(self) -> bool:
        """People and shops, too, write that something was not delivered: only a server need not prove itself."""
        total = self.server + self.machine + self.subject + self.body + self.details
        if self.server:
            return total >= 4 and (self.subject > 0 or self.body > 1 or (self.body > 0 and self.details > 0))
        if self.answer or not self.details or not self.body:
            return False
        return total >= 5 if self.machine else self.subject > 0 and self.details > 1


def of(mail: ParsedMail) -> Signs:
    """An ordinary mail shows none in its header; then its body is not looked at."""
    headers = {name.lower(): value for name, value in reversed(mail.headers)}
    server, machine = _server(mail, headers), _machine(headers)
    subject = 2 if report_words.in_subject(mail.subject[:1000]) else 0
    answers = mail.in_reply_to is not None or bool(mail.references)
    answer = answers and _ANSWER.match(mail.subject) is not None
    if not (server or machine or subject):
        return Signs(0, 0, 0, 0, 0, answer, "")
    text, returned = returned_message.split(written_text.of(mail))
    return Signs(
        server=server,
        machine=machine,
        subject=subject,
        body=(2 if report_words.of_delivery(text) else 0) + (1 if report_words.of_cause(text) else 0),
        details=(1 if status_codes.worst(text).failure else 0)
        + (1 if returned.strip() or returned_message.in_a_part(mail) else 0),
        answer=answer,
        text=text,
    )


def _server(mail: ParsedMail, headers: Mapping[str, str]) -> int:
    address = mail.from_ or ""
    local = (address.rpartition("@")[0] or address)[:_LOCAL_PART]
    kind = headers.get("content-type", "").lower()
    reports = "multipart/report" in kind or "report-type" in kind
    reports = reports or any(file.content_type == "message/delivery-status" for file in mail.attachments)
    name = headers.get("from", "").partition("<")[0][:1000]
    nobody = headers.get("from", "").rstrip().endswith("<>")
    points = 2 if nobody or _DAEMON.match(local) or _DAEMON_NAME.search(name) else 0
    points += 3 if any(name in headers for name in _FAILED_FIELDS) else 0
    return points + (2 if reports else 0)


def _machine(headers: Mapping[str, str]) -> int:
    path = headers.get("return-path", "-").strip().strip("<>").strip()[:_LOCAL_PART]
    points = 1 if not path or _DAEMON.match(path.partition("@")[0]) else 0
    return points + (1 if headers.get("auto-submitted", "no").strip().lower() not in ("no", "") else 0)
