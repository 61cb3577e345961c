"""Keeps tokens fresh in the background, whether a worker asks for them or not; each process may do it."""

import asyncio
import random
from datetime import timedelta

import structlog

from config_api.accounts import repository
from config_api.accounts.renewing import Renewals, Tools
from config_api.oauth_applications import expiry
from ece_common.errors import EceError

AT_ONCE = 200
REQUESTS_KEPT = timedelta(days=1)
log = structlog.get_logger()


class TokenKeeper:
    """`keep` does what is due now: one round of the background duty."""

    def __init__(self, tools: Tools, renewals: Renewals) -> None:
        self._tools = tools
        self._renewals = renewals

    async def keep(self) -> None:
        await self.sweep()
        await self.tidy()

    async def sweep(self) -> int:
        """How many accounts got new tokens from this process."""
        tools = self._tools
        async with tools.sessions() as session:
            due = list(await repository.due(session, tools.clock(), AT_ONCE))
        # Processes that begin at the same end wait for each other.
        random.shuffle(due)
        done = await asyncio.gather(*(self._one(account_id, number) for account_id, number in due))
        renewed = [account_id for account_id, new in zip((one for one, _ in due), done, strict=True) if new]
        if renewed:
            # Once for all of them: workers that hold thousands of aliases read their assignment once.
            async with tools.sessions() as session, session.begin():
                for follow in tools.hooks.account_change_followers:
                    await follow(session, renewed)
        return len(renewed)

    async def tidy(self) -> None:
        """What hangs on the calendar: warnings of secrets that run out, sign-ins that nobody came back from."""
        async with self._tools.sessions() as session, session.begin():
            await expiry.warn(session, self._tools.clock())
            await repository.forget_requests(session, self._tools.clock() - REQUESTS_KEPT)

    async def _one(self, account_id: int, number: int) -> bool:
        try:
            return await self._renewals.renew(account_id, number)
        except EceError:
            # Recorded with the account, and logged.
            return False
        except Exception as problem:  # noqa: BLE001 - one account must not keep the others from being renewed
            log.warning("account.renewal_failed", account_id=account_id, problem=type(problem).__name__)
            return False
