"""The composition root: everything the retriever consists of is built here."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry

from ece_common import jobs, operations, starting, telemetry, worker
from ece_common.access_tokens import asking
from ece_common.client import ConfigClient
from ece_common.contracts.instances import AssignedAlias
from ece_common.egress import EgressPolicy
from ece_common.errors import Transient
from ece_common.trying import another
from retriever.assignments import Identity, Replica
from retriever.errands import Errands
from retriever.logins import Logins
from retriever.mailbox.connection import EgressConnector
from retriever.mailbox.opening import open_mailbox
from retriever.mailbox.port import Mailbox, Settlement
from retriever.settings import Settings
from retriever.surroundings import Surroundings
from retriever.tallies import Tallies
from retriever.tenure import Tenure

_NAME = "ece-retriever"
GIVE_BACK_SECONDS = 8.0
"""Of the shutdown time, kept for closing mailboxes and giving the leases back."""


class Retriever:
    """One process: a replica of an instance, and what it needs."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        self._client = ConfigClient(
            settings.config_api_url,
            settings.worker_token.get_secret_value(),
            ca_file=settings.ca_file,
            allow_plain_http=settings.allow_plain_http,
        )
        self._connector = EgressConnector(
            EgressPolicy(settings.egress_allow, settings.egress_deny), ca_file=settings.ca_file
        )
        self._tallies = Tallies(registry)
        self._tenure = Tenure(time.monotonic)
        self._identity = Identity(settings.instance, settings.replica, str(uuid4()))
        another_token = another(self._client, "retriever", self._identity.instance, self._identity.replica)
        self._errands = Errands(self._client, self._connector, lambda: datetime.now(UTC), another_token)
        self._replica = Replica(
            self._identity,
            self._client,
            self._tenure,
            self._tallies,
            finish_seconds=max(settings.shutdown_seconds - GIVE_BACK_SECONDS, 1.0),
        )

    async def run(self, stop: asyncio.Event) -> None:
        structlog.contextvars.bind_contextvars(replica=self._replica.name)
        around = Surroundings(
            desk=self._client,
            build_mailbox=self._mailbox,
            fresh_tokens=asking(self._client, "retriever", self._identity.instance, self._identity.replica),
            settings=self._replica.settings,
            lease_seconds=lambda: self._tenure.lease_seconds,
            in_force=self._tenure.in_force,
            now=lambda: datetime.now(UTC),
            logins=Logins(),
            tallies=self._tallies,
            policies=self._replica.policies,
        )
        doer = jobs.Doer("retriever", self._identity.instance, self._identity.replica, self._errands.do)
        serving = asyncio.create_task(jobs.serve(self._client, doer, stop), name="jobs")
        try:
            await self._replica.run(stop, around)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await self._client.aclose()

    async def ready(self) -> None:
        """Ready is who has an assignment and is heard by the Config API."""
        if not self._replica.known():
            raise Transient("no assignment has been received yet", code="no_assignment")
        await self._client.ready()

    def status(self) -> Mapping[str, Any]:
        return self._replica.status()

    def _mailbox(self, alias: AssignedAlias) -> Mailbox:
        return open_mailbox(alias.incoming, Settlement(alias.after_retrieval, alias.move_to), connect=self._connector)


def run() -> None:
    """Console script `ece-retriever`."""
    with starting.explained(_NAME):
        settings = Settings()  # pyright: ignore[reportCallIssue] - the values come from the environment
    telemetry.configure(settings.log_level, settings.log_format, "retriever")
    registry = telemetry.registry()
    with starting.explained(_NAME, {"token": "worker_token"}):
        retriever = Retriever(settings, registry)
    app = operations.create(
        "retriever",
        ready=retriever.ready,
        status=retriever.status,
        registry=registry,
        metrics=settings.metrics_port is None,
    )
    worker.run(
        retriever.run,
        operations=app,
        listen=worker.Listen(settings.listen_host, settings.listen_port, settings.metrics_port),
        registry=registry,
        shutdown_seconds=settings.shutdown_seconds,
    )
