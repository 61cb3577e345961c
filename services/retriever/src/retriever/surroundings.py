"""What all aliases of a replica share: the Config API, the clock, and what the assignment says of all of them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ece_common.access_tokens import FreshTokens
from ece_common.contracts.aliases import StatusAnswer, StatusReport
from ece_common.contracts.instances import AssignedAlias, RetrieverSettings
from ece_common.retry import sleep_unless
from retriever.applied_policies import NO_POLICIES, AppliedPolicies
from retriever.intake import Intake
from retriever.logins import Logins
from retriever.mailbox.port import Mailbox
from retriever.room import Room
from retriever.tallies import Tallies


class Desk(Intake, Protocol):
    """The Config API as one alias's task needs it."""

    async def report_status(self, alias_id: int, report: StatusReport) -> StatusAnswer: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all aliases of a replica share."""

    desk: Desk
    build_mailbox: Callable[[AssignedAlias], Mailbox]
    settings: Callable[[], RetrieverSettings]
    fresh_tokens: FreshTokens
    lease_seconds: Callable[[], float]
    in_force: Callable[[], bool]
    now: Callable[[], datetime]
    logins: Logins
    tallies: Tallies
    room: Room = field(default_factory=Room)
    policies: Callable[[int], AppliedPolicies] = lambda _department_id: NO_POLICIES
    """A department's."""
    sleep: Callable[[asyncio.Event, float], Coroutine[Any, Any, bool]] = sleep_unless
    """Ends early, with True, when the event is set."""
    monotonic: Callable[[], float] = lambda: asyncio.get_running_loop().time()
