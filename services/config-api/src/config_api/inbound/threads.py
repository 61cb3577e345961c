"""Which activity a mail answers: In-Reply-To first, then References from the newest to the oldest. Pure."""

from collections.abc import Mapping, Sequence

LOOKED_UP = 20
"""Identifiers that are looked up for one mail, so that a forged list of thousands costs nothing."""


def candidates(in_reply_to: str | None, references: Sequence[str]) -> list[str]:
    newest_first = [*([in_reply_to] if in_reply_to else []), *reversed(references[-LOOKED_UP:])]
    return list(dict.fromkeys(one for one in newest_first if one))


def parent(wanted: Sequence[str], known: Mapping[str, int]) -> int | None:
    """`known` has the activities of the department by their Message-ID."""
    return next((known[one] for one in wanted if one in known), None)
