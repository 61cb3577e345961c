"""What a mail's header says of who wrote it: a mail server, another machine, or somebody passing mail on. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from retriever.parsing import ParsedMail
from retriever.recognition import report_words

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_LOCAL_PART = 100
"""Characters of it that are looked at."""
_DAEMON = re.compile(
    r"^(?:.*[.\-_+])?(?:mail(?:er|s?)?[-_. ]?da?emon|double-?bounce|post[-_]?master|mail[-_.]?(?:delivery"
    r"|subsystem|system).*|mdaemon|bounces?|non-?deliver\w*|ndrs?|ndns?|symantec_antivirus.*|daemon|mail-?router"
    r"|mail-?gateway|mailadm\w*|system[-_. ]?administrator|smtpd?|microsoftexchange\w*)(?:[.\-_+].*)?$",
    re.IGNORECASE,
)
# Lists and senders of newsletters collect their bounces there: `news-bounces@`. They send ordinary mail.
_COLLECTS_BOUNCES = re.compile(r"(?:^|[.\-_+])bounces?(?:$|[.\-_+])", re.IGNORECASE)
_DAEMON_NAME = re.compile(
    r"mail(?:er)?[ \-]?da?emon|mail delivery|postmaster|system administrator|mail administrator|microsoft outlook"
    r"|delivery (?:sub)?system|mail system|internet mail|systemadministrator|administrateur syst",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|sv|antw|antwort|r)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_FORWARD = re.compile(
    r"\s*\[?(?:fwd?|wg|tr|vs|rv|enc|i|doorst|vb|vl|pd|转发|轉寄|転送)\s*(?:\[\d+\])?\s*[:\uff1a]", re.IGNORECASE
)
_FAILED_FIELDS = ("x-failed-recipients", "x-ms-exchange-message-is-ndr")


@dataclass(frozen=True, slots=True)
class HeaderSigns:
    server: int
    """Points for a mail server having written it."""
    no_return: bool
    """Nobody is to answer: its return path is empty, or a server's."""
    automatic: bool
    """It says of itself that no person wrote it."""
    subject: int
    """Points for a subject of reports."""
    answer: bool
    forward: bool

    @property
    def machine(self) -> int:
        return self.no_return + self.automatic

    @property
    def any(self) -> bool:
        return self.server + self.machine + self.subject > 0


def of(mail: ParsedMail) -> HeaderSigns:
    fields = {name.lower(): value for name, value in reversed(mail.headers)}
    server, no_return = _server(mail, fields), _no_return(fields)
    automatic = fields.get("auto-submitted", "no").strip().lower() not in ("no", "")
    subject = 2 if report_words.in_subject(mail.subject[:1000]) else 0
    forward = _FORWARD.match(mail.subject) is not None
    answers = mail.in_reply_to is not None or bool(mail.references)
    answer = answers and (forward or _ANSWER.match(mail.subject) is not None)
    speaks = server or no_return or automatic or mail.from_ is None or (subject and not forward and not answer)
    if speaks and not _says_report(fields) and _carries_report(mail):
        server += 2  # People pass such parts on, too: alone they say nothing.
    return HeaderSigns(server, no_return, automatic, subject, answer, forward)


def _is_by_a_daemon(address: str | None) -> bool:
    return _DAEMON.match((address or "").partition("@")[0].strip("\"'\\ ")[:_LOCAL_PART]) is not None


def _says_report(fields: Mapping[str, str]) -> bool:
    kind = fields.get("content-type", "").lower()
    return "multipart/report" in kind or "report-type" in kind


def _carries_report(mail: ParsedMail) -> bool:
    return any(file.content_type in STATUS_TYPES for file in mail.attachments)


def _server(mail: ParsedMail, fields: Mapping[str, str]) -> int:
    name = fields.get("from", "").partition("<")[0][:1000]
    nobody = fields.get("from", "").rstrip().endswith("<>")
    points = 3 if nobody else 2 if _is_by_a_daemon(mail.from_) or _DAEMON_NAME.search(name) else 0
    points += 3 if any(name in fields for name in _FAILED_FIELDS) else 0
    return points + (2 if _says_report(fields) else 0)


def _no_return(fields: Mapping[str, str]) -> bool:
    path = fields.get("return-path", "-").strip().strip("<>").strip()[:_LOCAL_PART]
    local = path.partition("@")[0]
    return not path or (_DAEMON.match(local) is not None and _COLLECTS_BOUNCES.search(local) is None)
