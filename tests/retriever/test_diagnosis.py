"""What real servers say, and what it means for the alias (R124 to R132)."""

import errno
import socket
import ssl

import pytest

from ece_common.egress import EgressRefused
from ece_common.errors import Invalid
from retriever.diagnosis import DETAIL_LIMIT, ProtocolBroken, Stage, Unfit, diagnose

EXCHANGE_BUSY = "NO Request is throttled. Suggested Backoff Time: 247311 milliseconds"

Verdict = tuple[str, str]
"""Condition and reason."""

# Said by Dovecot, Cyrus, Courier, Exchange Online and Gmail, or given as an example in RFC 2449, 3206 and 5530.
REPLIES: dict[Verdict, list[tuple[Stage, str]]] = {
    ("manual", "authentication_failed"): [
        ("auth", "NO [AUTHENTICATIONFAILED] Authentication failed."),
        ("auth", "-ERR [AUTH] Authentication failed."),
        ("auth", "NO AUTHENTICATE failed."),
        ("session", "BYE Session invalidated - AccessTokenExpired"),
        ("session", "BAD Session invalidated - AccessTokenExpired"),
        ("auth", "NO LOGIN failed."),
        ("auth", "-ERR Authentication failure: unknown user name or bad password."),
        ("auth", "-ERR Logon failure: unknown user name or bad password."),
        ("auth", "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"),
        (
            "auth",
            "NO [ALERT] Application-specific password required: https://support.google.com/accounts (Failure)",
        ),
        (
            "auth",
            "NO [ALERT] Please log in via your web browser: https://support.google.com/mail (Failure)",
        ),
        ("auth", "-ERR [AUTH] Web login required: https://support.google.com/mail/answer/78754"),
        ("auth", "NO [EXPIRED] That password isn't any good anymore"),
        ("auth", "-ERR Permission denied"),
    ],
    ("manual", "mailbox_access"): [
        ("auth", "BAD User is authenticated but not connected."),
        ("select", "NO User is authenticated but not connected."),
        ("session", "BAD User is authenticated but not connected."),
        ("auth", "NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page"),
        ("auth", "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your Gmail settings"),
        ("auth", "NO IMAP access disabled for this user"),
        ("auth", "-ERR POP3 service is disabled for your account"),
        ("auth", "NO [AUTHORIZATIONFAILED] No such authorization-ID"),
        ("auth", "NO Account is disabled."),
        ("select", "NO [NOPERM] Permission denied"),
    ],
    ("manual", "server_refuses"): [
        ("auth", "NO [PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."),
        ("auth", "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."),
        ("auth", "BAD Error in IMAP command received by server."),
        ("auth", "NO [CONTACTADMIN] Please call the help desk"),
        ("auth", "-ERR [SYS/PERM] mailbox is corrupted"),
        ("tls", "-ERR TLS not available"),
    ],
    ("manual", "folder_missing"): [
        ("select", "NO [NONEXISTENT] Mailbox doesn't exist: Support (0.001 + 0.000 secs)."),
        ("select", "NO Mailbox doesn't exist: Support"),
        ("select", "NO Support doesn't exist."),
        ("select", "NO Unable to select mailbox: Mailbox does not exist"),
        ("session", "NO [TRYCREATE] Mailbox doesn't exist: Done"),
    ],
    ("lock", "mailbox_locked"): [
        ("auth", "-ERR [IN-USE] Mailbox is locked by another POP3 session."),
        ("auth", "-ERR [IN-USE] Do you have another POP session running?"),
        ("auth", "-ERR maildrop already locked"),
        ("auth", "-ERR unable to lock maildrop"),
        ("auth", "-ERR [LOGIN-DELAY] minimum time between mail checks violation"),
        ("select", "NO [INUSE] Mailbox in use"),
        ("auth", "-ERR can't lock mailbox, mailbox is busy"),
    ],
    ("recoverable", "server_stopped"): [
        ("auth", "NO [UNAVAILABLE] Temporary authentication failure. [vm:2026-11-23 09:40:53]"),
        ("select", "NO [SERVERBUG] Internal error occurred. Refer to server log for more information."),
        ("auth", "-ERR [SYS/TEMP] Temporary system problem, please try again"),
        ("greeting", "-ERR Server is busy, try later"),
        ("session", "BYE Disconnected: Server shutting down."),
        ("greeting", "* BYE Temporary System Error"),
        ("session", "BYE Disconnected for inactivity."),
        ("session", "BYE Session invalidated"),
        ("auth", "Server Unavailable. 15"),
        ("auth", "BAD Server Unavailable. 15"),
        ("select", "NO Server Unavailable. 15"),
        ("auth", "BYE Connection is closed. 13"),
    ],
    ("recoverable", "server_refuses"): [
        ("session", "NO Something else"),
        ("auth", "NO [LIMIT] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=3)"),
        ("auth", "NO [ALERT] Too many simultaneous connections. (Failure)"),
        ("session", "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)"),
    ],
    ("throttled", "throttled"): [
        ("auth", EXCHANGE_BUSY),
        ("session", "BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds"),
        ("session", "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)"),
    ],
}
ANSWERS = [(said, stage, *verdict) for verdict, replies in REPLIES.items() for stage, said in replies]


@pytest.mark.rule(124, 127, 128, 129, 131, 132)
@pytest.mark.parametrize(("said", "stage", "condition", "reason"), ANSWERS, ids=[reply[0][:60] for reply in ANSWERS])
def test_a_servers_answer_decides_about_the_alias(said: str, stage: Stage, condition: str, reason: str) -> None:
    failure = diagnose(said, stage)

    assert (failure.condition, failure.reason) == (condition, reason)
    assert failure.detail.endswith(said)


@pytest.mark.rule(131)
def test_a_login_that_leads_to_no_mailbox_is_explained_and_a_fresh_connection_may_do() -> None:
    failure = diagnose("NO User is authenticated but not connected.", "select")

    assert failure.fleeting
    assert failure.detail == (
        "the server took the login but does not connect it to this mailbox: IMAP may be switched off for it, its "
        "address may be another, or it is shared and not with the user who signed in; the server said: "
        "NO User is authenticated but not connected."
    )
    assert not diagnose("NO IMAP access disabled for this user", "auth").fleeting


EXCEPTIONS: list[tuple[Exception, Stage, str, str]] = [
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "connect", "recoverable", "network_problem"),
    (
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure"),
        "connect",
        "recoverable",
        "network_problem",
    ),
    (OSError(errno.EHOSTUNREACH, "No route to host"), "connect", "recoverable", "network_problem"),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), "connect", "recoverable", "network_problem"),
    (TimeoutError(), "connect", "recoverable", "network_problem"),
    (TimeoutError(), "greeting", "recoverable", "server_stopped"),
    (TimeoutError(), "session", "recoverable", "server_stopped"),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "session", "recoverable", "server_stopped"),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "session", "recoverable", "server_stopped"),
    (EOFError("end of the connection"), "auth", "recoverable", "server_stopped"),
    (
        ConnectionAbortedError("SSL handshake is taking too long"),
        "tls",
        "recoverable",
        "server_stopped",
    ),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "connect", "manual", "service_not_started"),
    (ssl.SSLCertVerificationError("certificate verify failed"), "tls", "manual", "certificate_not_valid"),
    (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "tls", "manual", "server_refuses"),
    (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "tls", "recoverable", "server_stopped"),
    (Invalid.field("tls.ca_bundle", "must hold PEM certificates"), "tls", "manual", "certificate_not_valid"),
    (
        EgressRefused("connections to 169.254.169.254 are not allowed"),
        "connect",
        "manual",
        "server_refuses",
    ),
    (Unfit("the server does not know UIDL"), "session", "manual", "server_refuses"),
    (ProtocolBroken("a line without end"), "session", "recoverable", "server_refuses"),
]


@pytest.mark.rule(124, 127, 129, 130)
@pytest.mark.parametrize(("problem", "stage", "condition", "reason"), EXCEPTIONS, ids=lambda value: str(value)[:50])
def test_what_the_network_did_decides_about_the_alias(
    problem: Exception, stage: Stage, condition: str, reason: str
) -> None:
    failure = diagnose(problem, stage, server="mail.shop.test:993")

    assert (failure.condition, failure.reason) == (condition, reason)
    assert failure.detail


def test_the_wait_a_server_suggests_is_kept_in_seconds() -> None:
    assert diagnose(EXCHANGE_BUSY, "auth").retry_after == pytest.approx(247.311)
    assert diagnose("NO LOGIN failed.", "auth").retry_after is None


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [("0", 1.0), ("3", 1.0), ("3600001", 3600.0), ("9" * 15, 3600.0), ("9" * 6000, 3600.0)],
)
def test_a_server_is_asked_again_neither_at_once_nor_in_years_whatever_it_suggests(
    milliseconds: str, seconds: float
) -> None:
    failure = diagnose(f"BAD Request is throttled. Suggested Backoff Time: {milliseconds} milliseconds", "session")

    assert (failure.condition, failure.retry_after) == ("throttled", seconds)


def test_no_secret_gets_into_the_detail() -> None:
    said = "NO LOGIN alice s3cret! refused (czNjcmV0IQ==) Bearer EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"

    detail = diagnose(said, "auth", secrets=["s3cret!"]).detail

    assert detail == "NO LOGIN alice *** refused (***) ***"


def test_a_detail_is_one_short_line_however_much_a_server_says() -> None:
    detail = diagnose("NO first\r\nsecond\x00\x1b[31m " + "word " * 1000, "auth").detail

    assert len(detail) <= DETAIL_LIMIT
    assert detail.isprintable()


def test_a_very_short_password_does_not_blot_out_every_word() -> None:
    assert diagnose("NO a bad password", "auth", secrets=["a"]).detail == "NO *** bad password"


def test_our_own_sentences_name_the_server() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    assert "mail.shop.test:143" in diagnose(refused, "connect", server="mail.shop.test:143").detail
