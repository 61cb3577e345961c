"""What waits and what stands still, for Prometheus: a worker that is gone cannot say so itself."""

import asyncio
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ece_common.retry import sleep_unless

# The usual scrape interval: asking the database more often would tell nobody more.
SECONDS = 15.0
CONDITIONS = ("working", "unattended", "recovering", "failed", "switched_off", "unassigned")
_LONGEST_WAIT = text("""
    SELECT coalesce(extract(epoch FROM now() - min(available_at)), 0)
    FROM deliveries WHERE status = 'queued' AND available_at <= now()
""")
WAITING = ("queued", "sending", "uncertain")
# More than 100,000 are alike for whoever looks; counting a queue of millions would cost seconds every time.
_WAITING = text("""
    SELECT 'queued', count(*) FROM (SELECT FROM deliveries WHERE status = 'queued' LIMIT 100000) AS queued
    UNION ALL
    SELECT 'sending', count(*) FROM (SELECT FROM deliveries WHERE status = 'sending' LIMIT 100000) AS sending
    UNION ALL
    SELECT 'uncertain', count(*) FROM (SELECT FROM deliveries WHERE status = 'uncertain' LIMIT 100000) AS uncertain
""")
_ALIASES = text("""
    SELECT condition, count(*) FROM (
        SELECT CASE
            WHEN a.status = 'inactive' AND a.status_changed_by = 'administrator' THEN 'switched_off'
            WHEN a.status = 'inactive' AND a.recoverable THEN 'recovering'
            WHEN a.status = 'inactive' THEN 'failed'
            WHEN m.alias_id IS NULL THEN 'unassigned'
            WHEN r.name IS NULL THEN 'unattended'
            ELSE 'working' END AS condition
        FROM aliases a
        LEFT JOIN instance_aliases m ON m.alias_id = a.id AND m.kind = 'retriever'
        LEFT JOIN leases l ON l.alias_id = a.id
        LEFT JOIN replicas r ON r.instance_id = l.instance_id AND r.name = l.replica AND r.expires_at > now()
        WHERE a.deleted_at IS NULL
    ) AS judged GROUP BY condition
""")
log = structlog.get_logger()


def handovers(registry: CollectorRegistry) -> Counter:
    return Counter(
        "ece_config_api_lease_handovers",
        "Aliases that passed to another replica, or to the same one after it had let go of them",
        registry=registry,
    )


class Backlog:
    """Every process measures for itself and all see the same; take the maximum over the replicas."""

    def __init__(self, engine: AsyncEngine, registry: CollectorRegistry) -> None:
        self._engine = engine
        self._longest_wait = Gauge(
            "ece_config_api_outbound_longest_wait_seconds",
            "How long the oldest message that is due has not been claimed; 0 when none is due",
            registry=registry,
        )
        self._waiting = Gauge(
            "ece_config_api_outbound_messages",
            "Outbound messages by status, of each counted up to 100,000: queued, sending, uncertain (a connection "
            "broke after the message was handed over: an agent decides)",
            ["status"],
            registry=registry,
        )
        self._aliases = Gauge(
            "ece_config_api_aliases",
            "Aliases by condition: working, unattended (active, but no live replica holds it), recovering (the "
            "system tries again by itself), failed (an administrator must act), switched_off, unassigned (active, "
            "but of no retriever instance)",
            ["condition"],
            registry=registry,
        )
        self._measured_at = Gauge(
            "ece_config_api_backlog_measured_timestamp_seconds",
            "When the gauges above were last true",
            registry=registry,
        )
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self._keep_measuring(), name="backlog")

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def measure(self) -> None:
        async with asyncio.timeout(10), self._engine.connect() as connection:
            longest = await connection.scalar(_LONGEST_WAIT)
            waiting = {row[0]: row[1] for row in await connection.execute(_WAITING)}
            counted = {row[0]: row[1] for row in await connection.execute(_ALIASES)}
        self._longest_wait.set(float(longest or 0))
        for status in WAITING:
            self._waiting.labels(status).set(waiting.get(status, 0))
        for condition in CONDITIONS:
            self._aliases.labels(condition).set(counted.get(condition, 0))
        self._measured_at.set_to_current_time()

    async def _keep_measuring(self) -> None:
        while not self._stop.is_set():
            try:
                await self.measure()
            except Exception as trouble:  # noqa: BLE001 - the gauges' age tells; the service does its work without them
                log.warning("backlog.not_measured", problem=type(trouble).__name__)
            await sleep_unless(self._stop, SECONDS)
