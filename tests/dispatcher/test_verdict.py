"""Real replies and what they mean."""

import pytest

from dispatcher.transport.port import Conversation, Reply, Stage, Trouble
from dispatcher.verdict import DAY, come_back_after, enhanced_code, judge, written

ONE = (0,)


def after(stage: Stage, code: int, text: str) -> Conversation:
    reply = Reply(code, text)
    if stage is Stage.RECIPIENT and code != 421:
        return Conversation(stage, refused={0: reply})
    return Conversation(stage, reply)


# One row a reply as a server sent it: Postfix, Dovecot, Exim, Exchange Online, Gmail and others.
RECIPIENT_REPLIES = [
    (Stage.CONTENT, 250, "2.0.0 Ok: queued as 9BD6D2567AB", "sent", "2.0.0"),
    (Stage.CONTENT, 250, "OK id=1sXyZ-000123-4B", "sent", None),
    (Stage.CONTENT, 250, "2.6.0 <x@y> [InternalId=1] Queued mail for delivery", "sent", "2.6.0"),
    (Stage.RECIPIENT, 550, "5.1.1 <ghost@rig.test>: Recipient address rejected: User unknown", "failed", "5.1.1"),
    (Stage.RECIPIENT, 550, "No such user here", "failed", None),
    (Stage.RECIPIENT, 554, "5.7.1 <someone@elsewhere.test>: Relay access denied", "failed", "5.7.1"),
    (Stage.RECIPIENT, 553, "5.1.3 The recipient address is not a valid RFC 5321 address", "failed", "5.1.3"),
    (Stage.RECIPIENT, 552, "5.2.2 The email account that you tried to reach is over quota", "failed", "5.2.2"),
    (Stage.RECIPIENT, 450, "4.2.0 <grey@rig.test>: Recipient address rejected: Greylisted", "deferred", "4.2.0"),
    (Stage.RECIPIENT, 451, "4.7.1 Greylisting in action, please come back later", "deferred", "4.7.1"),
    (Stage.RECIPIENT, 452, "4.5.3 Too many recipients", "deferred", "4.5.3"),
    (Stage.RECIPIENT, 450, "Mailbox busy", "deferred", None),
    (Stage.RECIPIENT, 550, "4.2.2 mixed up", "failed", None),
    (Stage.DATA, 554, "5.5.1 Error: no valid recipients", "failed", "5.5.1"),
    (Stage.DATA, 451, "4.3.0 Error: queue file write error", "deferred", "4.3.0"),
    (Stage.DATA, 250, "what?", "deferred", None),
    (Stage.CONTENT, 552, "5.3.4 Error: message file too big", "failed", "5.3.4"),
    (Stage.MAIL, 552, "5.3.4 Message size exceeds fixed limit", "failed", "5.3.4"),
    (Stage.CONTENT, 550, "5.7.1 Message rejected as spam by content filtering", "failed", "5.7.1"),
    (Stage.CONTENT, 452, "4.3.1 Insufficient system storage", "deferred", "4.3.1"),
    (Stage.CONTENT, 451, "4.3.0 Error: queue file write error", "deferred", "4.3.0"),
    (Stage.CONTENT, 421, "4.3.2 Service not available, closing transmission channel", "deferred", "4.3.2"),
    (Stage.MAIL, 452, "4.3.1 Insufficient system storage", "deferred", "4.3.1"),
    (Stage.MAIL, 550, "5.1.8 <x@nowhere.invalid>: Sender address rejected: Domain not found", "failed", "5.1.8"),
    (Stage.RECIPIENT, 421, "4.7.0 <busy@rig.test>: Recipient address rejected: Try again later", "deferred", "4.7.0"),
]


@pytest.mark.parametrize(("stage", "code", "text", "status", "enhanced"), RECIPIENT_REPLIES)
def test_a_reply_about_the_message_decides_each_recipient(
    stage: Stage, code: int, text: str, status: str, enhanced: str | None
) -> None:
    judgement = judge(ONE, after(stage, code, text))

    assert judgement.outcome == "judged"
    [verdict] = judgement.recipients
    assert (verdict.status, verdict.enhanced_code) == (status, enhanced)
    assert verdict.smtp_code == code
    assert verdict.smtp_reply == f"{code} {text}"


ALIAS_REPLIES = [
    (Stage.AUTH, 535, "5.7.8 Error: authentication failed: (reason unavailable)", "authentication_failed", 300),
    (Stage.AUTH, 535, "5.7.3 Authentication unsuccessful", "authentication_failed", 300),
    (Stage.AUTH, 534, "5.7.9 Application-specific password required", "authentication_failed", 300),
    (Stage.AUTH, 538, "5.7.11 Encryption required for that mechanism", "authentication_failed", 300),
    (Stage.AUTH, 454, "4.7.0 Temporary authentication failure", "authentication_unavailable", None),
    (Stage.AUTH, 504, "5.5.4 Unsupported authentication mechanism.", "authentication_failed", 300),
    (Stage.MAIL, 530, "5.7.0 Authentication required.", "authentication_failed", 300),
    (Stage.MAIL, 530, "5.7.57 Client not authenticated to send mail", "authentication_failed", 300),
    (Stage.RECIPIENT, 530, "5.7.0 Authentication required", "authentication_failed", 300),
    (
        Stage.AUTH,
        535,
        "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
        "authentication_disabled",
        900,
    ),
    (Stage.AUTH, 535, "5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
     "authentication_failed", 300),
    (Stage.AUTH, 550, "5.7.30 Basic authentication is not supported.", "authentication_disabled", 900),
    (Stage.CONTENT, 554, "5.2.252 SendAsDenied; a@b not allowed to send as c@b", "send_as_denied", 900),
    (Stage.MAIL, 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "send_as_denied", 900),
    (
        Stage.CONTENT,
        554,
        "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
        "sending_quota_exceeded",
        DAY,
    ),
    (Stage.CONTENT, 554, "5.2.2 STOREDRV.Deliver; mailbox full. QuotaExceededException", "sender_mailbox_full", 3600),
    (Stage.CONTENT, 432, "4.3.2 Concurrent connections limit exceeded.", "throttled", None),
    (Stage.MAIL, 432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", "throttled", None),
    (Stage.GREETING, 421, "4.3.2 Service not available: too many connections", "throttled", None),
    (Stage.MAIL, 421, "4.4.2 Message submission rate has exceeded the configured limit", "throttled", None),
    (Stage.DATA, 421, "4.4.2 Message submission rate for this client has exceeded the limit", "throttled", None),
    (Stage.CONTENT, 451, "4.3.2 Concurrent connections limit exceeded.", "throttled", None),
    (Stage.CONTENT, 421, "Request is throttled. Suggested Backoff Time: 9000 milliseconds", "throttled", 9.0),
    (Stage.MAIL, 451, "4.7.500 Server busy. Please try again later from [1.2.3.4]", "throttled", None),
    (Stage.MAIL, 421, "4.7.0 Try again later, closing connection. Retry in 120 seconds", "throttled", 120),
    (Stage.GREETING, 554, "5.7.1 Your address is on a blocklist", "server_refuses", None),
    (Stage.TLS, 454, "4.7.0 TLS not available due to local problem", "tls_failed", 300),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "code", "text", "reason", "seconds"), ALIAS_REPLIES)
def test_a_reply_about_the_alias_makes_the_message_wait_and_fails_nobody(
    stage: Stage, code: int, text: str, reason: str, seconds: float | None
) -> None:
    judgement = judge(ONE, after(stage, code, text))

    assert (judgement.outcome, judgement.reason, judgement.retry_after) == ("waiting", reason, seconds)
    assert judgement.recipients == ()
    assert judgement.detail == f"{code} {text}"
    assert judgement.slow is not None


NO_REPLY = [
    (Stage.CONNECT, Trouble.UNREACHABLE, "deferred", "server_unreachable", True),
    (Stage.CONNECT, Trouble.UNRESOLVED, "deferred", "server_unreachable", True),
    (Stage.GREETING, Trouble.TIMED_OUT, "deferred", "server_timed_out", True),
    (Stage.GREETING, Trouble.LOST, "deferred", "connection_lost", True),
    (Stage.MAIL, Trouble.LOST, "deferred", "connection_lost", True),
    (Stage.RECIPIENT, Trouble.LOST, "deferred", "connection_lost", False),
    (Stage.DATA, Trouble.TIMED_OUT, "deferred", "server_timed_out", False),
    (Stage.BODY, Trouble.LOST, "deferred", "connection_lost", False),
    (Stage.CONTENT, Trouble.LOST, "uncertain", "no_reply_after_content", False),
    (Stage.CONTENT, Trouble.TIMED_OUT, "uncertain", "no_reply_after_content", False),
    (Stage.TLS, Trouble.TLS, "waiting", "tls_failed", True),
    (Stage.TLS, Trouble.NOT_OFFERED, "waiting", "starttls_not_offered", True),
    (Stage.AUTH, Trouble.NOT_OFFERED, "waiting", "authentication_not_offered", True),
    (Stage.CONNECT, Trouble.NOT_ALLOWED, "waiting", "address_not_allowed", True),
    (Stage.TLS, Trouble.NOT_ALLOWED, "waiting", "tls_settings_not_usable", True),
    (Stage.CONNECT, Trouble.BUSY, "released", "route_busy", False),
]


@pytest.mark.parametrize(("stage", "trouble", "outcome", "reason", "slows"), NO_REPLY)
def test_silence_means_uncertain_after_the_final_dot_and_another_attempt_before_it(
    stage: Stage, trouble: Trouble, outcome: str, reason: str, *, slows: bool
) -> None:
    judgement = judge(ONE, Conversation(stage, trouble=trouble, detail="what happened"))

    assert (judgement.outcome, judgement.reason, judgement.detail) == (outcome, reason, "what happened")
    assert (judgement.slow is not None) == slows


def test_each_recipient_gets_the_verdict_of_its_own_reply() -> None:
    said = Conversation(
        Stage.CONTENT,
        Reply(250, "2.0.0 Ok"),
        refused={1: Reply(550, "5.1.1 unknown"), 2: Reply(450, "4.2.0 greylisted")},
        untransmittable=frozenset({3}),
    )

    judgement = judge((7, 8, 9, 12), said)

    assert [(each.position, each.status) for each in judgement.recipients] == [
        (7, "sent"),
        (8, "failed"),
        (9, "deferred"),
        (12, "failed"),
    ]
    assert (judgement.recipients[3].smtp_code, judgement.recipients[3].enhanced_code) == (None, "5.6.7")
    assert judgement.slow is None


def test_recipients_refused_for_good_keep_that_when_the_rest_is_deferred() -> None:
    said = Conversation(Stage.RECIPIENT, Reply(421, "4.7.0 busy"), refused={0: Reply(550, "5.1.1 unknown")})

    assert [each.status for each in judge((0, 1), said).recipients] == ["failed", "deferred"]


def test_one_recipient_that_demands_a_login_is_not_the_alias_in_trouble() -> None:
    refused = {0: Reply(530, "5.7.0 Authentication required"), 1: Reply(550, "5.1.1 unknown")}

    assert judge((0, 1), Conversation(Stage.RECIPIENT, refused=refused)).outcome == "judged"


@pytest.mark.parametrize(
    ("stage", "code", "text", "slows"),
    [
        (Stage.RECIPIENT, 421, "4.7.0 Try again later", True),
        (Stage.CONTENT, 451, "4.7.0 Rate limited", True),
        (Stage.CONTENT, 421, "4.3.2 shutting down", True),
        (Stage.RECIPIENT, 451, "4.7.1 Greylisted", False),
        (Stage.CONTENT, 450, "4.2.0 later", False),
        (Stage.CONTENT, 550, "5.7.1 spam", False),
    ],
)
def test_only_a_rate_limit_slows_the_route(stage: Stage, code: int, text: str, *, slows: bool) -> None:
    assert (judge(ONE, after(stage, code, text)).slow is not None) == slows


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        (550, "5.1.1 x", "5.1.1"),
        (550, "5.1.1", "5.1.1"),
        (250, "2.1.5 Ok", "2.1.5"),
        (550, "4.1.1 x", None),
        (250, "5.0.0 x", None),
        (550, "#5.1.1 x", None),
        (550, "5.1.1.1 x", None),
        (550, "5.7.139 x\nmore", "5.7.139"),
        (550, "1.2.3.4 is blocked", None),
        (550, "", None),
    ],
)
def test_an_enhanced_code_counts_only_when_its_class_is_the_replys(code: int, text: str, found: str | None) -> None:
    assert enhanced_code(Reply(code, text)) == found


@pytest.mark.parametrize(
    ("code", "text", "seconds"),
    [
        (450, "4.2.0 Greylisted, try again in 300 seconds", 300),
        (451, "please retry in 5 minutes", 300),
        (421, "Request is throttled. Suggested Backoff Time: 4500 milliseconds", 4.5),
        (421, "Request is throttled. Suggested Backoff Time: 0 milliseconds", 1.0),
        (421, f"Request is throttled. Suggested Backoff Time: {'9' * 1500} milliseconds", DAY),
        (450, "4.2.0 Greylisted, try again in 0 seconds", 1.0),
        (450, "4.2.0 Greylisted", None),
        (550, "try again in 300 seconds", None),
        (450, "try again in 99999 minutes", DAY),
        (421, "4.7.0 Try again later [2a01:111:f400::1]", None),
    ],
)
def test_a_server_may_say_when_to_come_back(code: int, text: str, seconds: float | None) -> None:
    assert come_back_after(Reply(code, text)) == seconds


def test_a_number_that_is_no_reply_code_is_a_temporary_failure_without_code() -> None:
    [verdict] = judge(ONE, after(Stage.CONTENT, -50, "what?")).recipients

    assert (verdict.status, verdict.smtp_code) == ("deferred", None)


def test_a_hostile_reply_is_safe_to_store_and_show() -> None:
    reply = written(Reply(550, "bad\x00\x1b[31m\udcff\nsecond line" + "x" * 5000))

    assert reply.startswith("550 bad??[31m?\nsecond line")
    assert len(reply) == 2000
    reply.encode("utf-8")


@pytest.mark.parametrize("stage", [Stage.DATA, Stage.CONTENT])
def test_a_server_that_closes_the_channel_over_one_letter_without_a_word_of_limits_counts_as_an_attempt(
    stage: Stage,
) -> None:
    assert judge(ONE, after(stage, 421, "4.3.0 Content filter crashed")).outcome == "judged"
