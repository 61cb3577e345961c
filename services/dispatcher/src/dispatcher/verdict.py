"""What a server's answer means for a message, its recipients, its alias and its route. Pure.

Three kinds of trouble are kept apart: the recipient's (failed or tried again, one by one), the message's attempt
(tried again on the schedule), and the alias's (authentication, TLS, quota, throttling: the message waits, and that is
no attempt of it). Codes decide; words only where servers give no code of their own (Microsoft changes the words).
"""

import re
from dataclasses import dataclass
from typing import Literal

from dispatcher.transport.port import Conversation, Reply, Stage, Trouble
from ece_common.contracts.outbound import RecipientVerdict

Outcome = Literal["judged", "uncertain", "deferred", "waiting", "released"]

MINUTE = 60.0
DAY = 86_400.0
_REPLY_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Slow:
    """The route is held back: for `seconds` if somebody said how long, else for a time that grows with each repeat.

    `mendable`: a change of the alias's settings may end it at once.
    """

    reason: str
    seconds: float | None = None
    mendable: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    outcome: Outcome
    recipients: tuple[RecipientVerdict, ...] = ()
    reason: str | None = None
    detail: str | None = None
    retry_after: float | None = None
    slow: Slow | None = None


@dataclass(frozen=True, slots=True)
class AliasRule:
    """A reply that is the alias's trouble. All conditions given must hold; `4.7.` stands for all of 4.7.x."""

    reason: str
    stages: frozenset[Stage]
    codes: frozenset[int] = frozenset()
    enhanced: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None
    retry_after: float | None = None
    mendable: bool = True

    def fits(self, stage: Stage, reply: Reply) -> bool:
        return (
            stage in self.stages
            and (not self.codes or reply.code in self.codes)
            and (not self.enhanced or _matches(enhanced_code(reply), self.enhanced))
            and (self.words is None or self.words.search(reply.text) is not None)
        )


_BEFORE_MAIL = frozenset({Stage.GREETING, Stage.TLS, Stage.AUTH})
_ENVELOPE = frozenset({Stage.AUTH, Stage.MAIL, Stage.RECIPIENT})
_SENDER = frozenset({Stage.AUTH, Stage.MAIL, Stage.DATA, Stage.BODY, Stage.CONTENT})
_UNTIL_MAIL = _BEFORE_MAIL | {Stage.MAIL}
_THROTTLING = frozenset({421, 432, 450, 451, 452, 454})


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SWITCHED_OFF = frozenset({"5.7.139", "5.7.30"})
"""SMTP AUTH is switched off for the mailbox or the tenant. Exchange gives wrong credentials the first one as well."""
_WRONG_CREDENTIALS = _words(r"credentials were incorrect")

# The first that fits decides. Numbers: notes of RFC 4954 section 6 and of Exchange Online's published replies.
ALIAS_RULES: tuple[AliasRule, ...] = (
    AliasRule("authentication_failed", frozenset({Stage.AUTH}), enhanced=_SWITCHED_OFF, words=_WRONG_CREDENTIALS,
              retry_after=5 * MINUTE),
    AliasRule("authentication_disabled", _SENDER, enhanced=_SWITCHED_OFF, retry_after=15 * MINUTE),
    AliasRule("sending_quota_exceeded", _SENDER, words=_words(r"SubmissionQuotaExceeded"), retry_after=DAY),
    AliasRule("sender_mailbox_full", frozenset({Stage.MAIL}), enhanced=frozenset({"5.2.2"}), retry_after=60 * MINUTE),
    AliasRule("sender_mailbox_full", _SENDER, words=_words(r"STOREDRV\.\S*.*Quota|QuotaExceededException"),
              retry_after=60 * MINUTE),
    AliasRule("send_as_denied", _SENDER, enhanced=frozenset({"5.7.60", "5.2.252"}), retry_after=15 * MINUTE),
    AliasRule("send_as_denied", _SENDER, words=_words(r"SendAsDenied"), retry_after=15 * MINUTE),
    AliasRule("authentication_unavailable", frozenset({Stage.AUTH}), codes=frozenset({454}), mendable=False),
    AliasRule("authentication_failed", _ENVELOPE, codes=frozenset({530, 534, 535, 538}), retry_after=5 * MINUTE),
    AliasRule("authentication_failed", frozenset({Stage.MAIL}), enhanced=frozenset({"5.7.8", "5.7.57"}),
              retry_after=5 * MINUTE),
    AliasRule("throttled", frozenset(Stage), codes=frozenset({432}), mendable=False),
    AliasRule("throttled", frozenset({Stage.MAIL}), codes=frozenset({450, 451, 454}), mendable=False,
              enhanced=frozenset({"4.3.2", "4.4.2", "4.7."})),
    AliasRule("throttled", _UNTIL_MAIL, codes=frozenset({421}), mendable=False),
    # Later a 421 may be about this very letter, and counts: unless its words say that it is about all of them.
    AliasRule("throttled", frozenset(Stage), codes=frozenset({421, 450, 451, 452}), mendable=False,
              words=_words(r"submission rate|concurrent connections|sender thread limit|request is throttled|"
                           r"suggested back-?off")),
    AliasRule("tls_failed", frozenset({Stage.TLS}), retry_after=5 * MINUTE),
    AliasRule("authentication_failed", frozenset({Stage.AUTH}), retry_after=5 * MINUTE),
    AliasRule("server_refuses", frozenset({Stage.GREETING})),
)  # fmt: skip

_NO_REPLY: dict[tuple[Trouble, Stage | None], tuple[str, float | None, bool]] = {
    (Trouble.TLS, None): ("tls_failed", 5 * MINUTE, True),
    (Trouble.NOT_OFFERED, Stage.TLS): ("starttls_not_offered", 5 * MINUTE, True),
    (Trouble.NOT_OFFERED, Stage.AUTH): ("authentication_not_offered", 5 * MINUTE, True),
    (Trouble.ACCOUNT_REFUSES, None): ("authentication_failed", 5 * MINUTE, True),
    (Trouble.PROVIDER_AWAY, None): ("access_token_unavailable", None, True),
    (Trouble.NOT_ALLOWED, Stage.TLS): ("tls_settings_not_usable", 5 * MINUTE, True),
    (Trouble.NOT_ALLOWED, None): ("address_not_allowed", 5 * MINUTE, True),
}

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_BACKOFF_MS = _words(r"back-?off time:?\s*(\d+)\s*milliseconds")
_COME_BACK = _words(r"(?:again|back|retry|wait)\D{0,20}?(\d{1,5})\s*(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?)\b")
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


def judge(positions: tuple[int, ...], said: Conversation) -> Judgement:
    """`positions` are the recipients' numbers in the message, in the order of the letter."""
    if said.trouble is not None:
        return _without_reply(said)
    trouble = _alias_trouble(said)
    if trouble is not None:
        return trouble
    recipients = tuple(_recipient(position, n, said) for n, position in enumerate(positions))
    hints = [hint for reply in _replies(said) if (hint := come_back_after(reply)) is not None]
    return Judgement("judged", recipients, retry_after=max(hints, default=None), slow=_slow(said))


def enhanced_code(reply: Reply) -> str | None:
    """RFC 2034: at the start of the text. One that contradicts the reply's class is no code at all (RFC 3463 2)."""
    found = _ENHANCED.match(reply.text)
    if found is None or int(found[1]) != reply.code // 100:
        return None
    return f"{found[1]}.{int(found[2])}.{int(found[3])}"


def switched_off(reply: Reply) -> bool:
    """Whether the login is not allowed at all: neither another token nor another password helps."""
    return enhanced_code(reply) in _SWITCHED_OFF and _WRONG_CREDENTIALS.search(reply.text) is None


def come_back_after(reply: Reply) -> float | None:
    """Seconds the server asks for, at least one and at most a day; only a temporary reply has any."""
    if reply.code // 100 != 4:
        return None
    if milliseconds := _BACKOFF_MS.search(reply.text):
        digits = milliseconds[1]
        return _bounded(int(digits) / 1000 if len(digits) < 12 else DAY)
    if found := _COME_BACK.search(reply.text):
        return _bounded(int(found[1]) * (MINUTE if found[2].lower().startswith("m") else 1.0))
    return None


def _bounded(seconds: float) -> float:
    """A server that asks for nothing is not asked in a circle."""
    return min(DAY, max(1.0, seconds))


def written(reply: Reply) -> str:
    """The server's own words, on as many lines, safe to store and show."""
    return _UNPRINTABLE.sub("?", f"{reply.code} {reply.text}")[:_REPLY_LIMIT]


def _matches(code: str | None, wanted: frozenset[str]) -> bool:
    return code is not None and any(code == each or (each.endswith(".") and code.startswith(each)) for each in wanted)


def _without_reply(said: Conversation) -> Judgement:
    assert said.trouble is not None
    detail = _UNPRINTABLE.sub("?", said.detail)[:_REPLY_LIMIT] or None
    if said.stage is Stage.CONTENT:
        # The dot is written and the server silent: it may have the message, so nobody sends it again unasked.
        return Judgement("uncertain", reason="no_reply_after_content", detail=detail)
    if said.trouble is Trouble.BUSY:
        return Judgement("released", reason="route_busy", detail=detail)
    known = _NO_REPLY.get((said.trouble, said.stage)) or _NO_REPLY.get((said.trouble, None))
    if known is not None:
        reason, seconds, mendable = known
        return Judgement("waiting", (), reason, detail, seconds, Slow(reason, seconds, mendable))
    reason = {
        Trouble.UNREACHABLE: "server_unreachable",
        Trouble.UNRESOLVED: "server_unreachable",
        Trouble.TIMED_OUT: "server_timed_out",
    }.get(said.trouble, "connection_lost")
    # Lost over one letter's recipients or body may be about that letter: the others need not wait for it.
    early = said.stage in (Stage.CONNECT, Stage.GREETING, Stage.TLS, Stage.AUTH, Stage.MAIL)
    return Judgement("deferred", reason=reason, detail=detail, slow=Slow(reason, mendable=True) if early else None)


def _alias_trouble(said: Conversation) -> Judgement | None:
    reply = said.reply
    if reply is None and said.refused and not said.untransmittable:
        # Servers that demand a login say so at RCPT as well: then to every recipient alike.
        rules = {_rule(Stage.RECIPIENT, refusal) for refusal in said.refused.values()}
        reply = next(iter(said.refused.values())) if len(rules) == 1 and None not in rules else None
    if reply is None or reply.code // 100 == 2:
        return None
    rule = _rule(said.stage, reply)
    if rule is None:
        return None
    seconds = come_back_after(reply) or rule.retry_after
    return Judgement("waiting", (), rule.reason, written(reply), seconds, Slow(rule.reason, seconds, rule.mendable))


def _rule(stage: Stage, reply: Reply) -> AliasRule | None:
    return next((rule for rule in ALIAS_RULES if rule.fits(stage, reply)), None)


def _recipient(position: int, n: int, said: Conversation) -> RecipientVerdict:
    if n in said.untransmittable:
        return RecipientVerdict(
            position=position,
            status="failed",
            # RFC 6531 section 3.5: X.6.7, non-ASCII addresses not permitted.
            enhanced_code="5.6.7",
            smtp_reply="The address, or the sender's, is not ASCII and the server does not offer SMTPUTF8.",
        )
    reply = said.refused.get(n) or said.reply
    assert reply is not None, "a conversation without trouble has a reply for every recipient"
    return RecipientVerdict(
        position=position,
        status=_status(reply, accepted=said.accepted and n not in said.refused),
        # The library reads any three characters that make a number, "-50" too.
        smtp_code=reply.code if 0 <= reply.code <= 999 else None,
        enhanced_code=enhanced_code(reply),
        smtp_reply=written(reply),
    )


def _status(reply: Reply, *, accepted: bool) -> Literal["sent", "deferred", "failed"]:
    if accepted:
        return "sent"
    # An unexpected 2xx or 3xx refuses nothing for good (RFC 5321 section 4.3.2: treat as a temporary failure).
    return "failed" if reply.code // 100 == 5 else "deferred"


def _slow(said: Conversation) -> Slow | None:
    """421 closes the channel and 451 4.7.x limits the rate; greylisting of a recipient (at RCPT) does neither."""
    reply = said.reply
    if reply is None or said.accepted:
        return None
    limited = reply.code == 421 or (reply.code == 451 and (enhanced_code(reply) or "").startswith("4.7."))
    return Slow("throttled", come_back_after(reply)) if limited else None


def _replies(said: Conversation) -> list[Reply]:
    return [*said.refused.values(), *([said.reply] if said.reply is not None else [])]
