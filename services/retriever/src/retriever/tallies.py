"""What is counted, for Prometheus and for the heartbeat."""

from collections import Counter

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as Total


class Tallies:
    """Built once in main.py. `totals` is what a heartbeat carries."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.totals: Counter[str] = Counter()
        self._messages = Total(
            "ece_retriever_messages", "Mails handed in, by outcome", ["outcome"], registry=registry
        )
        self._failures = Total(
            "ece_retriever_mailbox_failures", "Failed attempts at mailboxes, by reason", ["reason"], registry=registry
        )
        self._config_api_errors = Total(
            "ece_retriever_config_api_errors", "Failed calls of the Config API, by code", ["code"], registry=registry
        )
        self.leases_lost = Total(
            "ece_retriever_leases_lost", "Aliases refused to us because another replica holds them", registry=registry
        )
        self.large = Total("ece_retriever_large_messages", "Mails over the maximum size", registry=registry)
        self.batch_seconds = Histogram(
            "ece_retriever_batch_seconds", "From handing in a batch to its commit", registry=registry
        )
        self.aliases = Gauge(
            "ece_retriever_aliases", "Aliases of this replica, by state", ["state"], registry=registry
        )
        self.longest_silence = Gauge(
            "ece_retriever_longest_silence_seconds",
            "Of the active aliases here, the one not drained for the longest time: since then, or since we have it",
            registry=registry,
        )
        self.last_success = Gauge(
            "ece_retriever_last_success_timestamp_seconds", "When a mailbox was last drained", registry=registry
        )

    def count(self, outcome: str, *, unparsed: bool = False) -> None:
        """`unparsed` is counted besides the outcome."""
        for label in (outcome, "unparsed") if unparsed else (outcome,):
            self._messages.labels(label).inc()
            self.totals[label] += 1

    def mailbox_failed(self, reason: str) -> None:
        self._failures.labels(reason).inc()
        self.totals["mailbox_failures"] += 1

    def config_api_failed(self, code: str) -> None:
        self._config_api_errors.labels(code).inc()
        self.totals["config_api_errors"] += 1
