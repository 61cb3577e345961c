"""What waits and what stands still, for Prometheus: a worker that is gone cannot say so itself."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ece_common.retry import sleep_unless

# The usual scrape interval: asking the database more often would tell nobody more.
SECONDS = 15.0
CONDITIONS = ("working", "unattended", "recovering", "failed", "switched_off", "unassigned", "unreadable")
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
            WHEN a.status = 'inactive' AND NOT a.recoverable THEN 'failed'
            WHEN m.alias_id IS NULL AND a.status = 'active' THEN 'unassigned'
            WHEN a.id = ANY(:unreadable) THEN 'unreadable'
            WHEN a.status = 'inactive' THEN 'recovering'
            WHEN r.name IS NULL THEN 'unattended'
            ELSE 'working' END AS condition
        FROM aliases a
        LEFT JOIN instance_aliases m ON m.alias_id = a.id AND m.kind = 'retriever'
        LEFT JOIN leases l ON l.alias_id = a.id
        LEFT JOIN replicas r ON r.instance_id = l.instance_id AND r.name = l.replica AND r.expires_at > now()
        WHERE a.deleted_at IS NULL
    ) AS judged GROUP BY condition
""")
# Of those that a retriever would be given; a row that was written has another xmin.
_SEALED = text("""
    SELECT a.id, CASE WHEN a.account_id IS NULL THEN 'alias/' || a.id || '/' || a.xmin
                      ELSE 'account/' || o.id || '/' || o.xmin END AS written
    FROM aliases a LEFT JOIN accounts o ON o.id = a.account_id
    WHERE a.deleted_at IS NULL
      AND (a.account_id IS NULL AND a.incoming_password IS NOT NULL
           OR o.tokens IS NOT NULL AND o.status = 'active' AND o.authorization_state = 'authorized')
""")
_SECRETS = text("""
    SELECT a.id, CASE WHEN a.account_id IS NULL THEN a.incoming_password ELSE o.tokens END AS secret
    FROM aliases a LEFT JOIN accounts o ON o.id = a.account_id WHERE a.id = ANY(:ids)
""")
_AT_ONCE = 500
log = structlog.get_logger()


class Secrets:
    """Which aliases a retriever is not given because no master key opens their secret. Each is tried once, when it
    was written, beside the event loop.
    """

    def __init__(self, opens: Callable[[bytes], bool]) -> None:
        self._opens = opens
        self._known: dict[str, bool] = {}

    async def unreadable(self, connection: AsyncConnection) -> list[int]:
        written = {row.id: row.written for row in await connection.execute(_SEALED)}
        self._known = {name: self._known[name] for name in set(written.values()) if name in self._known}
        # One of each: the aliases of an account share its tokens.
        new = list({name: id_ for id_, name in written.items() if name not in self._known}.values())
        for start in range(0, len(new), _AT_ONCE):
            ids = new[start : start + _AT_ONCE]
            found = {row.id: row.secret for row in await connection.execute(_SECRETS, {"ids": ids})}
            for id_, opened in (await asyncio.to_thread(self._try, found)).items():
                self._known[written[id_]] = opened
        return [id_ for id_, name in written.items() if not self._known.get(name, True)]

    def _try(self, found: Mapping[int, bytes | None]) -> dict[int, bool]:
        return {id_: secret is None or self._opens(bytes(secret)) for id_, secret in found.items()}


def handovers(registry: CollectorRegistry) -> Counter:
    return Counter(
        "ece_config_api_lease_handovers",
        "Aliases that passed to another replica, or to the same one after it had let go of them",
        registry=registry,
    )


class Backlog:
    """Every process measures for itself and all see the same; take the maximum over the replicas."""

    def __init__(self, engine: AsyncEngine, registry: CollectorRegistry, opens: Callable[[bytes], bool]) -> None:
        self._engine = engine
        self._secrets = Secrets(opens)
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
            "but of no retriever instance), unreadable (given to no replica: no master key opens its secret)",
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
            unreadable = await self._secrets.unreadable(connection)
            longest = await connection.scalar(_LONGEST_WAIT)
            waiting = {row[0]: row[1] for row in await connection.execute(_WAITING)}
            counted = {row[0]: row[1] for row in await connection.execute(_ALIASES, {"unreadable": unreadable})}
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
