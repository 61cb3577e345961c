"""Whether a mail is a bounce-back by a department's words and phrases (R16, R238 to R252). Pure.

One automaton (Aho-Corasick) for each place, so that a mail costs the same whether there are ten phrases or ten
thousand.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import ahocorasick

from ece_common.contracts.evidence import MatchedPhrase
from ece_common.contracts.policies import DeliveryExceptionPhrase, PhraseType
from ece_common.policies.folding import fold

LOOKED_AT = 10_000
"""Characters of a subject that are searched."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The places of a mail in which phrases are looked for. `from_` is an address; its domain does not count."""

    from_: str | None
    subject: str
    raw_subject: str
    """With its encoded words (RFC 2047) as they came: some phrases are pieces of these."""


class Matcher:
    """Built once for a state of the policies, then asked for every mail.

    Of several phrases a permanent one wins (R17), then the longest, then the oldest.
    """

    def __init__(self, phrases: Iterable[DeliveryExceptionPhrase]) -> None:
        self._ranked = sorted(phrases, key=_rank)
        self._address = _automaton(self._ranked, "address")
        self._subject = _automaton(self._ranked, "subject")

    def match(self, mail: Looked) -> MatchedPhrase | None:
        found = [
            (_best(self._address, local_part(mail.from_)), "from"),
            (_best(self._subject, mail.subject), "subject"),
        ]
        if mail.raw_subject != mail.subject:
            found.append((_best(self._subject, mail.raw_subject), "raw_subject"))
        rank, place = min(found, key=lambda one: one[0])
        if rank == _NOTHING:
            return None
        phrase = self._ranked[rank]
        return MatchedPhrase.model_validate({**phrase.model_dump(), "found_in": place})


def local_part(address: str | None) -> str:
    """What stands before the last at sign (R248); all of it where there is none, as in `MAILER-DAEMON`."""
    if not address:
        return ""
    before, at, _domain = address.rpartition("@")
    return before if at else address


_NOTHING = 1 << 62


class _Automaton(Protocol):
    """What is used of `ahocorasick.Automaton`, which carries no types."""

    def iter(self, text: str) -> Iterator[tuple[int, int]]:
        """Where each occurrence ends, and the value stored with what occurs."""
        ...


def _rank(phrase: DeliveryExceptionPhrase) -> tuple[bool, int, int]:
    return phrase.failure != "permanent", -len(phrase.phrase), phrase.id


def _automaton(ranked: Sequence[DeliveryExceptionPhrase], kind: PhraseType) -> _Automaton | None:
    """Each folded phrase with the rank of the first that folds to it; None when there is nothing to look for."""
    automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
    for rank, phrase in enumerate(ranked):
        folded = fold(phrase.phrase)
        if phrase.type == kind and folded.strip() and folded not in automaton:
            automaton.add_word(folded, rank)
    if not len(automaton):
        return None
    automaton.make_automaton()
    return cast("_Automaton", automaton)


def _best(automaton: _Automaton | None, text: str) -> int:
    if automaton is None or not text:
        return _NOTHING
    return min((rank for _end, rank in automaton.iter(fold(text[:LOOKED_AT]))), default=_NOTHING)
