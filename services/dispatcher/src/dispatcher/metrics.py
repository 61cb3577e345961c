"""What Prometheus is told about sending."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._recipients = Counter(
            "ece_dispatcher_recipients", "Recipients by what the server answered.", ["status"], registry=registry
        )
        self._messages = Counter(
            "ece_dispatcher_messages",
            "Claims ended, by outcome (judged, uncertain, deferred, waiting, released, refused) and reason.",
            ["outcome", "reason"],
            registry=registry,
        )
        self._seconds = Histogram(
            "ece_dispatcher_message_seconds",
            "Seconds from the claim to the outcome of a message that was tried.",
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000),
            registry=registry,
        )
        self._batches = Counter(
            "ece_dispatcher_outcome_requests", "Requests that reported outcomes.", registry=registry
        )
        self._outcomes = Counter("ece_dispatcher_outcomes_reported", "Outcomes reported.", registry=registry)
        self._in_hand = Gauge("ece_dispatcher_in_hand", "Messages claimed and not concluded.", registry=registry)
        self._paused = Gauge("ece_dispatcher_routes_paused", "Routes that are held back.", registry=registry)
        self._claim_errors = Counter("ece_dispatcher_claim_failures", "Claims that failed.", registry=registry)
        self.totals: dict[str, int] = {}

    def ended(self, outcome: str, reason: str | None, seconds: float) -> None:
        self._messages.labels(outcome, reason or "").inc()
        self._seconds.observe(seconds)
        self._count(outcome)

    def recipient(self, status: str) -> None:
        self._recipients.labels(status).inc()
        self._count(status)

    def reported(self, outcomes: int) -> None:
        self._batches.inc()
        self._outcomes.inc(outcomes)

    def claim_failed(self) -> None:
        self._claim_errors.inc()

    def now(self, in_hand: int, paused: int) -> None:
        self._in_hand.set(in_hand)
        self._paused.set(paused)

    def _count(self, what: str) -> None:
        self.totals[what] = self.totals.get(what, 0) + 1
