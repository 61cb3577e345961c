"""A dispatcher in the test's own process, between the fake queue and real servers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import pytest
from prometheus_client import CollectorRegistry

from dispatcher.main import Dispatcher
from dispatcher.schedule import ScheduleOptions
from dispatcher.transport.opening import Timeouts
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport
from ece_common.egress import EgressPolicy
from tests.dispatcher.fakes import FakeQueue
from tests.rig.certificates import Certificates
from tests.rig.smtp_script import RecordingSmtp

QUICK = Timeouts(connect=2.0, command=5.0, block=5.0, final=5.0, check=2.0)


class Started(Protocol):
    def __call__(
        self, queue: FakeQueue, *, schedule: ScheduleOptions | None = None, smtp: SmtpOptions | None = None
    ) -> AbstractAsyncContextManager["Running"]: ...


class Running:
    def __init__(self, dispatcher: Dispatcher, stop: asyncio.Event, task: "asyncio.Task[None]") -> None:
        self.dispatcher = dispatcher
        self.stop = stop
        self.task = task


@pytest.fixture
def options() -> SmtpOptions:
    return SmtpOptions(ehlo_name="dispatcher.test", timeouts=QUICK)


@pytest.fixture
def running(options: SmtpOptions) -> Started:
    @asynccontextmanager
    async def start(
        queue: FakeQueue, *, schedule: ScheduleOptions | None = None, smtp: SmtpOptions | None = None
    ) -> AsyncGenerator[Running]:
        dispatcher = Dispatcher(
            queue,
            EgressPolicy().open_socket,
            smtp or options,
            schedule=schedule or ScheduleOptions("default", "one", shutdown_seconds=4.0),
            registry=CollectorRegistry(),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(dispatcher.run(stop))
        try:
            yield Running(dispatcher, stop, task)
        finally:
            stop.set()
            await asyncio.wait_for(task, 15)

    return start


@pytest.fixture
def server() -> Iterator[RecordingSmtp]:
    with RecordingSmtp() as started:
        yield started


@pytest.fixture
async def transport(options: SmtpOptions) -> AsyncIterator[SmtpTransport]:
    made = SmtpTransport(EgressPolicy().open_socket, options)
    yield made
    made.close()


@pytest.fixture
def trusting(options: SmtpOptions, certificates: Certificates) -> SmtpOptions:
    """Options of a dispatcher that trusts the rig's authority."""
    return replace(options, ca_file=str(certificates.ca_file))
