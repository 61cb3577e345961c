"""`python -m bench [--quick] [--only NAME]`: one run, one table, bench/results/latest.json."""

import argparse
import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import announcement, fetchers, inbound, machine, outbound, policies, relay
from bench.corpus import SEED, corpus
from bench.figures import Benchmark, results, table
from bench.gateway import Gateway, gateway
from bench.inbound import Source
from bench.mailboxes import Mailboxes
from tests.e2e.suite import Service
from tests.rig.dovecot import Dovecot, DovecotOptions

RESULTS = Path(__file__).with_name("results") / "latest.json"
OUTBOUND_SIZE = 4096  # bytes of text


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: the whole of it, or what fits into two minutes."""

    mails: int = 2000
    runs: int = 3
    announcements: int = 20


QUICK = Plan(mails=1000, runs=1, announcements=8)


@dataclass(frozen=True, slots=True)
class Bench:
    plan: Plan
    gateway: Gateway
    source: Source

    def inbound_imap(self) -> Benchmark:
        ours = self._retrieved("IMAP")
        getmail6 = self._fetched(fetchers.getmail6, "IMAP")
        mbsync = self._fetched(fetchers.mbsync_fsync, "IMAP")
        return Benchmark("inbound_imap", "msg/s", ours, {"getmail6": getmail6, "mbsync_fsync": mbsync})

    def inbound_pop3(self) -> Benchmark:
        ours = self._retrieved("POP3")
        return Benchmark("inbound_pop3", "msg/s", ours, {"getmail6": self._fetched(fetchers.getmail6, "POP3")})

    def outbound(self) -> Benchmark:
        count = self.plan.mails
        with self._worker("dispatcher"):
            ours = self._runs("ours", lambda: outbound.rate(self.gateway, count, OUTBOUND_SIZE))
        postfix = self._runs("postfix", lambda: relay.rate(self.source.dovecot, count, OUTBOUND_SIZE))
        return Benchmark("outbound", "msg/s", ours, {"postfix": postfix})

    def idle_overhead_ms(self) -> Benchmark:
        with self._worker("retriever"):
            runs = announcement.overheads(self.gateway, self.source, self.plan.announcements)
        return Benchmark("idle_overhead_ms", "ms", runs)

    def policies_us(self) -> Benchmark:
        """127 phrases, 20 extensions and 10 masking patterns over a mail of 8 KiB."""
        return Benchmark("policies_us", "us/mail", self._runs("ours", lambda: policies.microseconds(self.plan.mails)))

    def _retrieved(self, protocol: fetchers.Protocol) -> list[float]:
        with self._worker("retriever"):
            return self._runs("ours", lambda: inbound.rate(self.gateway, protocol, self.source))

    def _fetched(self, prepare: fetchers.Prepare, protocol: fetchers.Protocol) -> list[float]:
        source = self.source
        return self._runs(
            prepare.__name__, lambda: fetchers.rate(prepare, protocol, source.dovecot, source.mailboxes)
        )

    def _runs(self, who: str, measure: Callable[[], float]) -> list[float]:
        found: list[float] = []
        for _ in range(self.plan.runs):
            found.append(measure())
            _say(f"  {who}: {found[-1]:.0f}")
        return found

    @contextmanager
    def _worker(self, kind: str) -> Generator[Service]:
        """Up and waiting when its benchmark begins, gone when it ends."""
        worker = self.gateway.worker(kind).start()
        try:
            yield worker
        finally:
            worker.stop()


NAMES = ("inbound_imap", "inbound_pop3", "outbound", "idle_overhead_ms", "policies_us")


def _say(what: str) -> None:
    print(what, flush=True)


def _measure(plan: Plan, names: Sequence[str]) -> dict[str, Any]:
    with Dovecot(DovecotOptions(ssl="no")) as dovecot, gateway() as ours:
        mailboxes = Mailboxes(dovecot)
        mailboxes.fill(corpus(plan.mails))
        _say(f"{mailboxes.count} mails of {mailboxes.bytes / mailboxes.count:.0f} bytes on average")
        load = machine.load()
        bench = Bench(plan, ours, Source(dovecot, mailboxes))
        benchmarks: list[Benchmark] = []
        for name in names:
            _say(name)
            benchmarks.append(getattr(bench, name)())
        _say("\n" + table(benchmarks))
        conditions = {
            "mails": mailboxes.count,
            "average_bytes": round(mailboxes.bytes / mailboxes.count),
            "outbound_bytes": OUTBOUND_SIZE,
            "seed": SEED,
            "runs": plan.runs,
            "load_before": load,
            **ours.durability(),
        }
        return results(benchmarks, machine.describe(ours.postgres_version()), conditions)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run of fewer mails: two minutes for everything")
    parser.add_argument("--only", choices=NAMES, action="append", help="this benchmark alone; may be repeated")
    arguments = parser.parse_args()
    names: Sequence[str] = arguments.only or NAMES
    found = _measure(QUICK if arguments.quick else Plan(), names)
    if names is NAMES:  # what is kept holds all of one run
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=2) + "\n")
        _say(f"\nwritten to {RESULTS}")


if __name__ == "__main__":
    main()
