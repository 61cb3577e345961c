"""One alias and its surroundings, for tests of when what is done."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from ece_common.access_tokens import asking
from ece_common.contracts.aliases import FailureReason
from ece_common.contracts.instances import AssignedAlias, RetrieverSettings
from retriever.logins import Logins
from retriever.mailbox.port import FailureCondition, Mailbox, MailFailure
from retriever.schedule import Watch
from retriever.surroundings import Surroundings
from retriever.tallies import Tallies
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import (
    FakeClock,
    FakeMailbox,
    FakeServer,
    an_assigned_alias,
    some_settings,
    until,
)


class Scene:
    """One alias's surroundings, with everything in it a test may turn."""

    def __init__(self, *mails: bytes, pushes: bool = True) -> None:
        self.clock = FakeClock()
        self.api = FakeConfigApi(clock=self.clock)
        self.server = FakeServer(*mails)
        self.in_force = True
        self.pushes = pushes
        self.settings: RetrieverSettings = some_settings()
        self.mailboxes: list[FakeMailbox] = []
        self.logins = Logins()

    def around(self) -> Surroundings:
        return Surroundings(
            desk=self.api,
            build_mailbox=self._build,
            fresh_tokens=asking(self.api, "retriever", "default", "one"),
            settings=lambda: self.settings,
            lease_seconds=lambda: 15.0,
            in_force=lambda: self.in_force,
            now=self.clock.now,
            logins=self.logins,
            tallies=Tallies(CollectorRegistry()),
            sleep=self.clock.sleep,
            monotonic=self.clock.monotonic,
        )

    def _build(self, alias: AssignedAlias) -> Mailbox:
        self.mailboxes.append(FakeMailbox(self.server, pushes=self.pushes, access=alias.incoming))
        return self.mailboxes[-1]

    @asynccontextmanager
    async def watching(self, alias: AssignedAlias | None = None, *, announce: bool = False) -> AsyncGenerator[Watch]:
        watch = Watch(alias or an_assigned_alias(), self.around(), announce=announce)
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            watch.halt()
            try:
                await asyncio.wait_for(task, 5)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def refuse(
        self,
        reason: FailureReason = "network_problem",
        condition: FailureCondition = "recoverable",
        *,
        retry_after: float | None = None,
    ) -> None:
        self.server.refusal = MailFailure(condition, reason, "the server's words", retry_after=retry_after)

    def slept(self) -> bool:
        return bool(self.clock.sleeping)

    async def attempts(self, count: int) -> None:
        """Let time pass, one wait after the other, until so many reports were made."""
        await until(lambda: len(self.api.reports) >= 1)
        while len(self.api.reports) < count:
            await until(self.slept)
            self.clock.advance(30)
            await settle_down()


async def settle_down(turns: int = 60) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


def in_state(watch: Watch, state: str) -> Callable[[], bool]:
    return lambda: watch.state == state
