"""Composition root of the dispatcher: the only module that knows all others."""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from dispatcher import presence
from dispatcher.errands import Errands
from dispatcher.metrics import Metrics
from dispatcher.pacing import Routes
from dispatcher.pipeline import Attachments, Pipeline
from dispatcher.presence import Presence
from dispatcher.reporting import Queue, Reports
from dispatcher.schedule import Claims, Schedule, ScheduleOptions
from dispatcher.settings import Settings
from dispatcher.transport.opening import OpenSocket
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport
from ece_common import jobs, operations, retry, starting, telemetry, worker
from ece_common.access_tokens import TokenDesk, asking
from ece_common.client import ConfigClient
from ece_common.contracts.instances import DispatcherAssignment
from ece_common.egress import EgressPolicy
from ece_common.trying import JobTokenDesk, another

_NAME = "ece-dispatcher"
# Of the time for an orderly end: for conversations; what then still runs is broken off, and told as it stands.
_SHARE_FOR_SENDING = 0.7
_BREAKING_OFF_SECONDS = 2.0
_TIDY_SECONDS = 5.0
_FORGET_ROUTES_AFTER = 600.0


class ConfigApi(Claims, Attachments, Queue, presence.ConfigApi, jobs.Source, TokenDesk, JobTokenDesk, Protocol):
    """The calls of the Config API that a dispatcher needs."""


class Dispatcher:
    """A whole dispatcher around its two outer sides: the Config API and the network."""

    def __init__(
        self,
        api: ConfigApi,
        open_socket: OpenSocket,
        smtp: SmtpOptions,
        *,
        schedule: ScheduleOptions,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = Metrics(registry)
        self._transport = SmtpTransport(
            open_socket, smtp, asking(api, "dispatcher", schedule.instance, schedule.replica)
        )
        self._routes = Routes(clock, smtp.maximum_connections)
        self._reports = Reports(api, schedule.instance, schedule.replica, self._metrics)
        pipeline = Pipeline(api, self._transport, self._reports, self._metrics, clock)
        self._schedule = Schedule(
            api, pipeline, self._routes, reports=self._reports, metrics=self._metrics, options=schedule
        )
        self._presence = Presence(api, schedule.instance, schedule.replica, incarnation=secrets.token_hex(8))
        self._options = schedule
        self._api = api
        another_token = another(api, "dispatcher", schedule.instance, schedule.replica)
        self._errands = Errands(open_socket, smtp, another_token)

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop`, then ends what was begun, tells all of it and takes its leave."""
        reporting = asyncio.create_task(self._reports.run(stop), name="reporting")
        others = [
            asyncio.create_task(self._presence.beat(stop, self._counters), name="presence"),
            asyncio.create_task(self._presence.follow(self._follow), name="assignment"),
            asyncio.create_task(self._tidy(stop), name="tidy"),
            asyncio.create_task(jobs.serve(self._api, self._doer(), stop), name="jobs"),
        ]
        try:
            await self._schedule.run(stop)
            await self._end()
        finally:
            for task in (reporting, *others):
                task.cancel()
            await asyncio.gather(reporting, *others, return_exceptions=True)
            self._transport.close()

    def _doer(self) -> jobs.Doer:
        return jobs.Doer("dispatcher", self._options.instance, self._options.replica, self._errands.do)

    async def _end(self) -> None:
        sending = self._options.shutdown_seconds * _SHARE_FOR_SENDING
        if await self._schedule.finish(sending):
            self._transport.abort()
            await self._schedule.finish(_BREAKING_OFF_SECONDS)
        telling = max(1.0, self._options.shutdown_seconds - sending - 2 * _BREAKING_OFF_SECONDS)
        await self._reports.settle(telling)
        await self._presence.leave(self._counters(), _BREAKING_OFF_SECONDS)

    def status(self) -> dict[str, Any]:
        return {
            "instance": self._options.instance,
            "replica": self._options.replica,
            "in_hand": self._schedule.in_hand,
            "unreported": self._reports.unreported,
            "maximum_connections": self._transport.maximum_connections,
            "connections": self._transport.connections(),
            "routes": self._routes.status(),
            "totals": dict(self._metrics.totals),
        }

    def _counters(self) -> dict[str, int]:
        return {**self._metrics.totals, "in_hand": self._schedule.in_hand, "unreported": self._reports.unreported}

    def _follow(self, assignment: DispatcherAssignment) -> None:
        """A change of what is assigned may be the very change that mends a route."""
        self._transport.maximum_connections = assignment.settings.maximum_connections
        self._routes.maximum = assignment.settings.maximum_connections
        self._routes.resume_mendable()

    async def _tidy(self, stop: asyncio.Event) -> None:
        while not await retry.sleep_unless(stop, _TIDY_SECONDS):
            self._routes.forget_idle(_FORGET_ROUTES_AFTER)
            self._transport.tidy()
            self._metrics.now(self._schedule.in_hand, len(self._routes.paused()))


def _built(settings: Settings, registry: CollectorRegistry) -> tuple[ConfigClient, Dispatcher]:
    api = ConfigClient(
        settings.config_api_url,
        settings.worker_token.get_secret_value(),
        ca_file=settings.ca_file,
        allow_plain_http=settings.allow_plain_http,
    )
    dispatcher = Dispatcher(
        api,
        EgressPolicy(settings.egress_allow, settings.egress_deny).open_socket,
        SmtpOptions(ehlo_name=settings.ehlo_name, ca_file=settings.ca_file),
        schedule=ScheduleOptions(
            settings.instance,
            settings.replica,
            in_hand=settings.in_hand,
            shutdown_seconds=settings.shutdown_seconds,
        ),
        registry=registry,
    )
    return api, dispatcher


def run() -> None:
    """Entry point of `ece-dispatcher`."""
    with starting.explained(_NAME):
        settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    telemetry.configure(settings.log_level, settings.log_format, "dispatcher")
    registry = telemetry.registry()
    with starting.explained(_NAME, {"token": "worker_token"}):
        api, dispatcher = _built(settings, registry)

    async def main(stop: asyncio.Event) -> None:
        try:
            await dispatcher.run(stop)
        finally:
            await api.aclose()

    worker.run(
        main,
        operations=operations.create(
            "dispatcher",
            ready=api.ready,
            status=dispatcher.status,
            registry=registry,
            metrics=settings.metrics_port is None,
        ),
        listen=worker.Listen(settings.listen_host, settings.listen_port, settings.metrics_port),
        registry=registry,
        shutdown_seconds=settings.shutdown_seconds,
    )
