"""How well real mail is recognised: `make score MAIL=<folder>`, where an index.csv says what each mail is.

Every mail goes through the retriever's own steps, with the predefined delivery exceptions. The last line is one JSON
object. `bounce_recall`: bounces taken for bounces. `class_agreement`: bounces taken for the permanent or temporary
ones they are, of those whose class is known. `false_positive_rate`: ordinary mails taken for bounces or complaints
without any phrase; `phrase_false_positive_rate`: by phrases alone. `lost_parts`: what the standard library finds in a
mail and the retriever does not.
"""

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ece_common.contracts.inbound import InboundMessage, Source
from ece_common.contracts.instances import RetrieverSettings
from ece_common.contracts.policies import DeliveryExceptionPhrase
from ece_common.policies import predefined
from ece_common.policies.delivery_exceptions import Matcher
from retriever.applied_policies import NO_POLICIES, AppliedPolicies
from retriever.mailbox.port import RawMail
from retriever.parsing import ParsedMail, parse
from retriever.reading import item_of
from tests.retriever import leaves

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOLD = 20
"""Mails named on the way, of each sort of mistake."""
_CLASSES = {"email_permanent_undeliverable": "permanent", "email_temporary_undeliverable": "temporary"}
_SETTINGS = {
    "maximum_email_size": 150 * 1024 * 1024,
    "action_for_large_email": "skip_and_notify",
    "maximum_body_size": 1024 * 1024,
    "message_note_for_large_body": "The body was too large.",
    "retriever_batch_size": 100,
    "connection_attempts": 3,
    "retry_after_seconds": 600,
    "poll_interval_seconds": 30,
}
BY_EVIDENCE = RetrieverSettings.model_validate({**_SETTINGS, "bounce_evidence": "delivery_status_first"})
BY_PHRASES = RetrieverSettings.model_validate({**_SETTINGS, "bounce_evidence": "phrases_only"})
PHRASES = AppliedPolicies(
    "predefined",
    Matcher(
        DeliveryExceptionPhrase(id=number, type=one.type, phrase=one.phrase, failure=one.failure)
        for number, one in enumerate(predefined.delivery_exceptions(), 1)
    ),
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One line of the index."""

    name: str
    kind: str
    failure: str | None
    content: bytes


@dataclass
class Tally:
    count: Counter[str] = field(default_factory=Counter[str])
    mistakes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    seconds: float = 0.0

    def mistake(self, sort: str, name: str) -> None:
        self.count[sort] += 1
        self.mistakes.setdefault(sort, []).append(name)

    def rate(self, part: str, whole: str) -> float:
        return round(self.count[part] / self.count[whole], 4) if self.count[whole] else 0.0


def labelled(folder: Path) -> Iterator[Labelled]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as index:
        for row in csv.DictReader(index):
            said: dict[str, Any] = json.loads(row["expectation"]) if row.get("expectation") else {}
            content = (folder / row["file"]).read_bytes()
            yield Labelled(row["file"], row["kind"], said.get("status_class"), content)


def score(mails: Iterator[Labelled]) -> Tally:
    tally = Tally()
    for mail in mails:
        tally.count["messages"] += 1
        _parsing(tally, mail)
        began = time.perf_counter()
        default = _read(mail, BY_EVIDENCE, PHRASES)
        tally.seconds += time.perf_counter() - began
        if mail.kind == "bounce":
            _bounce(tally, mail, default)
        elif mail.kind == "ordinary":
            _ordinary(tally, mail)
    return tally


def _read(mail: Labelled, settings: RetrieverSettings, policies: AppliedPolicies) -> InboundMessage:
    return item_of(RawMail(Source(uid=1), mail.content, NOW), settings, policies, NOW).message


def _parsing(tally: Tally, mail: Labelled) -> None:
    parsed = parse(mail.content)
    if isinstance(parsed, ParsedMail):
        for problem in leaves.lost(mail.content, parsed):
            tally.mistake("lost_parts", f"{mail.name}: {problem}")
    elif mail.content.strip():
        tally.mistake("parse_failures", f"{mail.name}: {parsed.reason}")


def _bounce(tally: Tally, mail: Labelled, default: InboundMessage) -> None:
    tally.count["bounces"] += 1
    found = _CLASSES.get(default.subtype)
    if found is None:
        tally.mistake("missed", f"{mail.name}: {default.subtype}")
    else:
        tally.count["found"] += 1
        source = default.evidence.source if default.evidence is not None else None
        tally.count[f"by {source}"] += 1
    if mail.failure is None:
        return
    tally.count["classed"] += 1
    if found == mail.failure:
        tally.count["agreed"] += 1
    else:
        tally.mistake("other_class", f"{mail.name}: {mail.failure}, taken for {found}")


def _ordinary(tally: Tally, mail: Labelled) -> None:
    tally.count["ordinary"] += 1
    evidence = _read(mail, BY_EVIDENCE, NO_POLICIES)
    if evidence.subtype in _CLASSES or evidence.subtype == "complaint":
        tally.mistake("false_positive", f"{mail.name}: {evidence.subtype}")
    if _read(mail, BY_PHRASES, PHRASES).subtype in _CLASSES:
        tally.count["phrase_false_positive"] += 1


def figures(tally: Tally) -> dict[str, float]:
    count = tally.count
    return {
        "messages": count["messages"],
        "bounces": count["bounces"],
        "bounce_recall": tally.rate("found", "bounces"),
        "class_agreement": tally.rate("agreed", "classed"),
        "ordinary": count["ordinary"],
        "false_positive_rate": tally.rate("false_positive", "ordinary"),
        "phrase_false_positive_rate": tally.rate("phrase_false_positive", "ordinary"),
        "parse_failures": count["parse_failures"],
        "lost_parts": count["lost_parts"],
        "microseconds_per_mail": round(tally.seconds / max(count["messages"], 1) * 1e6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.score", description=__doc__)
    parser.add_argument("mail", type=Path, help="a folder with an index.csv: file, kind, expectation (JSON)")
    folder: Path = parser.parse_args().mail
    if not (folder / "index.csv").is_file():
        parser.error(f"there is no index.csv in {folder}")
    tally = score(labelled(folder))
    for sort, names in tally.mistakes.items():
        print(f"{sort}: {len(names)}")
        for name in names[:TOLD]:
            print(f"  {name}")
    for source, number in tally.count.most_common():
        if source.startswith("by "):
            print(f"bounces known {source}: {number}")
    print(json.dumps(figures(tally)))


if __name__ == "__main__":
    main()
