"""Messages whose dispatcher fell silent while it sent: what becomes of them does not wait for another dispatcher."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

import structlog

from config_api import bulk, changes
from config_api.bulk import Bulk
from config_api.database import Sessions
from config_api.outbound import recording
from config_api.outbound.conclusion import Rules, expire
from config_api.preferences import in_force

AT_ONCE = 500
_TIMEOUT = 30.0
SECONDS = 5.0
"""A claim lasts minutes: so much later nobody minds, and an idle service asks one partial index."""
log = structlog.get_logger()


async def sweep(rows: Bulk, rules: Rules) -> int:
    """Held or sent again, as the setting says. How many; what another process has in hand is left to it."""
    expired = await recording.lock_expired(rows, rules.now, AT_ONCE)
    await recording.write(rows, expired, [expire(state, rules) for state in expired.values()], rules.now)
    return len(expired)


class Sweeper:
    """In the background of every process: `SKIP LOCKED` gives each message to one of them."""

    def __init__(self, sessions: Sessions, clock: Callable[[], datetime], *, claim_seconds: float) -> None:
        self._sessions = sessions
        self._clock = clock
        self._claim_seconds = claim_seconds

    async def sweep_all(self) -> int:
        """Until nothing is left that has run out. A transaction for every few hundred."""
        swept = 0
        while (found := await self._sweep_once()) > 0:
            swept += found
        if swept:
            log.warning("outbound.claims_ran_out", deliveries=swept)
        return swept

    async def _sweep_once(self) -> int:
        async with asyncio.timeout(_TIMEOUT), self._sessions() as session, session.begin():
            settings = await in_force.partition(session)
            rules = Rules(self._clock(), self._claim_seconds, settings.uncertain_delivery, random.random)
            found = await sweep(await bulk.of(session), rules)
            if found:
                # Those that are sent again fall due at another time than a waiting dispatcher reckoned with.
                await changes.announce(session, changes.OUTBOUND)
        return found
