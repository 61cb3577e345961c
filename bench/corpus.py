"""The mails of the benchmark: the same for everybody and in every run, mixed as a support mailbox is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.rig.mails import Kind, a_mail

SEED = 20_240_229
ADDRESS = "support@rig.test"


@dataclass(frozen=True, slots=True)
class Share:
    """`weight` of a hundred mails are of this kind. Sizes in bytes: of the text, of the attachment if it has one."""

    kind: Kind
    weight: int
    text: tuple[int, int]
    attachment: tuple[int, int] = (0, 0)


# Chosen so that the average is about 10 KB; most mails are smaller, the few with attachments much larger.
MIX: Sequence[Share] = (
    Share("plain", 20, (400, 4_000)),
    Share("reply", 12, (1_000, 8_000)),
    Share("html", 16, (2_000, 12_000)),
    Share("alternative", 22, (600, 5_000)),
    Share("big", 10, (400, 2_000), (10_000, 60_000)),
    Share("inline_image", 3, (500, 2_000)),
    Share("utf8", 5, (500, 4_000)),
    Share("iso_2022_jp", 3, (100, 100)),
    Share("dsn", 5, (100, 100)),
    Share("nested", 4, (500, 2_000)),
)

_WORDS = (
    "order",
    "number",
    "delivery",
    "parcel",
    "invoice",
    "payment",
    "account",
    "password",
    "address",
    "customer",
    "service",
    "question",
    "answer",
    "please",
    "thank",
    "regards",
    "when",
    "where",
    "which",
    "still",
    "waiting",
    "received",
    "broken",
    "return",
    "refund",
    "exchange",
    "warranty",
    "since",
    "yesterday",
    "morning",
    "the",
    "my",
    "your",
    "our",
    "it",
    "is",
    "was",
    "not",
    "and",
    "but",
    "for",
    "with",
    "from",
    "about",
    "within",
    "days",
    "weeks",
)


def corpus(count: int, *, seed: int = SEED) -> list[bytes]:
    """`count` complete messages with CRLF line ends; the kinds in the proportions of MIX, in a fixed random order."""
    dice = random.Random(seed)
    shares = dice.choices(MIX, weights=[share.weight for share in MIX], k=count)
    return [_mail(number, share, dice) for number, share in enumerate(shares, start=1)]


def _mail(number: int, share: Share, dice: random.Random) -> bytes:
    return a_mail(
        share.kind,
        number=number,
        sender=f"Customer {number} <customer{number % 500}@customer.test>",
        to=f"Support <{ADDRESS}>",
        text=prose(dice.randint(*share.text), dice),
        size=dice.randint(*share.attachment),
        headers=_transport_headers(number, dice),
    )


def prose(size: int, dice: random.Random) -> str:
    """About `size` characters of words in lines of some seventy, with an empty line now and then."""
    lines: list[str] = []
    left = size
    while left > 0:
        line = " ".join(dice.choices(_WORDS, k=12))
        lines.extend([line, ""] if dice.random() < 0.15 else [line])
        left -= len(line) + 2
    return "\n".join(lines)


def _transport_headers(number: int, dice: random.Random) -> dict[str, str | None]:
    """What a mail collects on its way: about a kilobyte and a half."""
    signature = "\r\n\t".join(dice.randbytes(36).hex() for _ in range(5))
    return {
        "Received": "from mx.customer.test (mx.customer.test [192.0.2.7])\r\n\tby mx.rig.test with ESMTPS "
        f"id {number};\r\n\tTue, 04 Mar 2025 10:00:01 +0000",
        "DKIM-Signature": "v=1; a=rsa-sha256; c=relaxed/relaxed; d=customer.test; s=mail;\r\n\t"
        f"h=from:to:subject:date:message-id;\r\n\tb={signature}",
        "Authentication-Results": "mx.rig.test; dkim=pass header.d=customer.test;\r\n\t"
        "spf=pass smtp.mailfrom=customer.test",
        "X-Spam-Status": "No, score=-0.1 required=5.0 tests=DKIM_SIGNED,DKIM_VALID,SPF_PASS autolearn=no",
        "X-Mailer": "Customer Mailer 12.4",
        "List-Unsubscribe": f"<mailto:leave-{dice.getrandbits(64):016x}@customer.test>",
    }
