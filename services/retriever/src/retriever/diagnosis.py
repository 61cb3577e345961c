"""What a failed connection means for the alias (R124 to R132). Pure: one function over three tables."""

import base64
import re
import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ece_common.contracts.aliases import FailureReason
from ece_common.egress import EgressRefused
from ece_common.errors import EceError
from retriever.mailbox.port import FailureCondition, MailFailure

Stage = Literal["connect", "tls", "greeting", "auth", "select", "session"]
"""How far the connection had come: name and TCP, TLS, first line, login, folder, everything after."""

DETAIL_LIMIT = 1000


class ProtocolBroken(Exception):
    """The server answered something that is not IMAP or POP3, or more than any honest answer holds."""


class Unfit(Exception):
    """The server lacks something this alias needs (STARTTLS, UIDL, a login): that is for an administrator."""


class Verdict(NamedTuple):
    condition: FailureCondition
    reason: FailureReason


STOPPED = Verdict("recoverable", "server_stopped")
NETWORK = Verdict("recoverable", "network_problem")
BUSY = Verdict("recoverable", "server_refuses")
LOCKED = Verdict("lock", "mailbox_locked")
THROTTLED = Verdict("throttled", "throttled")
NOT_STARTED = Verdict("manual", "service_not_started")
CREDENTIALS = Verdict("manual", "authentication_failed")
CERTIFICATE = Verdict("manual", "certificate_not_valid")
NO_FOLDER = Verdict("manual", "folder_missing")
NO_ACCESS = Verdict("manual", "mailbox_access")
REFUSES = Verdict("manual", "server_refuses")

# Words come before codes: Microsoft sends its throttling and access texts without a code, Google under [ALERT] and
# [AUTHENTICATIONFAILED]. Each text stands in the table of replies in tests/retriever/test_diagnosis.py.
WORDS: tuple[tuple[str, Verdict], ...] = (
    (r"suggested backoff time|request is throttled", THROTTLED),
    (r"exceeded (command or )?(bandwidth|rate)|rate limit|too many (commands|requests)|slow down", THROTTLED),
    # The token ran out while we were connected: a fresh one is asked for, and only without it this counts.
    (r"accesstokenexpired", CREDENTIALS),
    (r"session invalidated", STOPPED),
    (r"authenticated but not connected", NO_ACCESS),
    (r"(imap|pop)[\w\s]*(access|use|service)?[\w\s]* (is |are )?(disabled|not enabled|not permitted)", NO_ACCESS),
    (r"not enabled for (imap|pop)|(imap|pop)\S* access (for|to) .*(disabled|denied)", NO_ACCESS),
    (r"account (is |has been )?(disabled|suspended|blocked|closed|inactive)", NO_ACCESS),
    (r"application-specific password|log in via your web browser|web login required|basic auth\w* is", CREDENTIALS),
    (
        r"(clear|plain)-?text (auth|log|password)\w* (is )?(dis|not )|logindisabled|(use|issue) (starttls|stls)",
        REFUSES,
    ),
    (
        r"too many [\w\s]*(connections|logins|sessions)|(number of|connection) .*(exceeded|reached)|connection limit",
        BUSY,
    ),
    (r"(mailbox|maildrop|mail drop|spool)\W.*(lock|in use|busy)|lock (busy|denied)|already (locked|in use)", LOCKED),
    (r"(can'?t|cannot|could not|unable to|failed to) (\w+ ){0,4}lock|another (session|client|pop3? )", LOCKED),
    (r"login delay|minimum (interval|time) between", LOCKED),
    (r"server unavailable|service (is )?(temporarily )?(unavailable|not available)|shutting down", STOPPED),
    (r"temporar(il)?y|try (again )?later|internal (server )?error|server (is )?(busy|overloaded)", STOPPED),
)

# RFC 5530 (IMAP), RFC 3501, RFC 2449 and RFC 3206 (POP3).
CODES: dict[str, Verdict] = {
    "AUTHENTICATIONFAILED": CREDENTIALS,
    "EXPIRED": CREDENTIALS,
    "AUTH": CREDENTIALS,
    "AUTHORIZATIONFAILED": NO_ACCESS,
    "NOPERM": NO_ACCESS,
    "PRIVACYREQUIRED": REFUSES,
    "CONTACTADMIN": REFUSES,
    "CORRUPTION": REFUSES,
    "CANNOT": REFUSES,
    "CLIENTBUG": REFUSES,
    "SYS/PERM": REFUSES,
    "NONEXISTENT": NO_FOLDER,
    "TRYCREATE": NO_FOLDER,
    "UNAVAILABLE": STOPPED,
    "SERVERBUG": STOPPED,
    "SYS/TEMP": STOPPED,
    "LIMIT": BUSY,
    "OVERQUOTA": BUSY,
    "INUSE": LOCKED,
    "IN-USE": LOCKED,
    "LOGIN-DELAY": LOCKED,
}

# What an answer without telling words or code means depends on what was asked.
STAGES: dict[Stage, Verdict] = {
    "connect": NETWORK,
    "tls": REFUSES,
    "greeting": STOPPED,
    "auth": CREDENTIALS,
    "select": NO_FOLDER,
    "session": BUSY,
}

# What says nothing about the command it answers: another command, or the same in parts, would fare no better.
_OF_THE_SESSION = frozenset({THROTTLED, CREDENTIALS, NO_ACCESS})

LEAST_BACKOFF, LONGEST_BACKOFF = 1.0, 3600.0
"""Seconds. A server that asks for nothing is not asked in a circle; one that asks for years is asked again."""

_BACKOFF = re.compile(r"backoff time:?\s*(\d+)\s*milliseconds", re.IGNORECASE)
_NOT_CONNECTED = re.compile(r"authenticated but not connected", re.IGNORECASE)
_NOT_CONNECTED_MEANS = (
    "the server took the login but does not connect it to this mailbox: IMAP may be switched off for it, its address "
    "may be another, or it is shared and not with the user who signed in; the server said: {said}"
)
_CODE = re.compile(r"^(?:\S+ )?(?:NO|BAD|OK|BYE|-ERR)\s+\[([A-Z/-]+)[^\]]*\]", re.IGNORECASE)
_BYE = re.compile(r"^(\* )?BYE\b", re.IGNORECASE)
_BAD = re.compile(r"^(\S+ )?BAD\b")
_WORDS = tuple((re.compile(pattern, re.IGNORECASE), verdict) for pattern, verdict in WORDS)
_BEARER = re.compile(r"(?i)bearer\s+\S+|[A-Za-z0-9+/_=.-]{60,}")


def diagnose(trouble: Exception | str, stage: Stage, *, server: str = "", secrets: Sequence[str] = ()) -> MailFailure:
    """The failure an exception, or a server's answer (its line, without the tag), amounts to at that stage.

    `server` ("host:port") makes our own sentences speak; `secrets` never appear in the detail.
    """
    if isinstance(trouble, MailFailure):
        return trouble
    if isinstance(trouble, str):
        verdict, said = _of_answer(trouble, stage), trouble
    else:
        verdict, said = _of_exception(trouble, stage, server)
    unconnected = _NOT_CONNECTED.search(said) is not None
    detail = cleaned(said, secrets)
    return MailFailure(
        *verdict,
        _NOT_CONNECTED_MEANS.format(said=detail)[:DETAIL_LIMIT] if unconnected else detail,
        retry_after=_asked_to_wait(said),
        stage=stage,
        fleeting=unconnected,
    )


def is_about_session(answer: str) -> bool:
    """Whether a refusal of one command means the whole session (throttled, expired, not connected)."""
    return _of_words(answer) in _OF_THE_SESSION


def _asked_to_wait(said: str) -> float | None:
    backoff = _BACKOFF.search(said)
    if backoff is None:
        return None
    # More digits than any wait has; int() refuses thousands of them.
    milliseconds = int(backoff[1]) if len(backoff[1]) < 16 else LONGEST_BACKOFF * 1000
    return min(max(milliseconds / 1000, LEAST_BACKOFF), LONGEST_BACKOFF)


def _of_words(text: str) -> Verdict | None:
    return next((verdict for words, verdict in _WORDS if words.search(text)), None)


def _of_answer(line: str, stage: Stage) -> Verdict:
    told = _of_words(line)
    if told is not None:
        return told
    code = _CODE.match(line)
    if code is not None and code[1].upper() in CODES:
        return CODES[code[1].upper()]
    if _BYE.match(line):
        return STOPPED
    # BAD is about the command, not about the user or the folder.
    return REFUSES if stage in ("auth", "select") and _BAD.match(line) else STAGES[stage]


def _of_exception(problem: Exception, stage: Stage, server: str) -> tuple[Verdict, str]:
    place = server or "the server"
    for kinds, verdict, sentence in _EXCEPTIONS:
        if isinstance(problem, kinds):
            # A server may say why and hang up, without the form of an answer.
            told = _of_words(str(problem)) if isinstance(problem, EOFError) else None
            return told or verdict, sentence.format(place=place, problem=_words_of(problem))
    if isinstance(problem, TimeoutError):
        if stage in ("connect", "tls"):
            return NETWORK, f"{place} did not answer the connection in time"
        return STOPPED, f"{place} stopped answering ({stage})"
    return (STOPPED if stage != "connect" else NETWORK), f"{place}: {_words_of(problem)}"


_EXCEPTIONS: tuple[tuple[tuple[type[Exception], ...], Verdict, str], ...] = (
    ((EgressRefused,), REFUSES, "{problem}"),
    ((EceError,), CERTIFICATE, "{problem}"),
    ((Unfit,), REFUSES, "{problem}"),
    ((ProtocolBroken,), BUSY, "{place}: {problem}"),
    ((ssl.SSLCertVerificationError,), CERTIFICATE, "the certificate of {place} is not valid: {problem}"),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), STOPPED, "{place} closed the connection during TLS"),
    ((ssl.SSLError,), REFUSES, "{place} does not speak TLS as required: {problem}"),
    ((socket.gaierror,), NETWORK, "the name of {place} cannot be resolved: {problem}"),
    ((ConnectionRefusedError,), NOT_STARTED, "{place} refuses connections: the service is not started"),
    ((EOFError, ConnectionError), STOPPED, "{place} closed the connection: {problem}"),
)


def _words_of(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return str(getattr(problem, "verify_message", problem))
    if isinstance(problem, OSError):
        return str(problem.strerror or problem)
    return str(problem) or type(problem).__name__


def cleaned(said: str, secrets: Iterable[str]) -> str:
    """One line of printable text without the secrets, in clear or in base64, and at most 1,000 characters."""
    line = "".join(character if character.isprintable() else " " for character in said)
    for secret in sorted({*secrets, *map(_base64, secrets)}, key=len, reverse=True):
        if secret:
            # A password of one or two characters must not blot out half of every sentence.
            pattern = re.escape(secret) if len(secret) > 2 else rf"(?<!\w){re.escape(secret)}(?!\w)"
            line = re.sub(pattern, "***", line)
    return _BEARER.sub("***", line).strip()[:DETAIL_LIMIT]


def _base64(secret: str) -> str:
    return base64.b64encode(secret.encode()).decode()
