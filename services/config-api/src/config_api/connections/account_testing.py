"""A connection test of an account (R191 to R196): its token, then each of its aliases by their workers."""

import asyncio

from config_api.accounts import repository as accounts
from config_api.accounts.renewing import Renewals
from config_api.aliases import repository as aliases
from config_api.aliases.repository import Filters
from config_api.connections import testing, verdict
from config_api.jobs.asking import Desk
from ece_common.contracts.accounts import AccountConnectionTest, AliasConnectionTest
from ece_common.contracts.jobs import ConnectionTest, ConnectionTestRequest
from ece_common.errors import Conflict, EceError, Transient

TESTED = 50
_AT_ONCE = 8


async def of_account(desk: Desk, renewals: Renewals, account_id: int) -> AccountConnectionTest:
    """Raise `NotFound`. Whatever else goes wrong is in the answer."""
    async with desk.sessions() as session:
        account = await accounts.get(session, account_id)
        filters = Filters(account_id=account_id)
        inside = await aliases.after(session, account.department_id, 0, TESTED, filters)
    try:
        await renewals.token(account_id, None)
    except (Conflict, Transient) as problem:
        return AccountConnectionTest(ok=False, message=f"No access token could be had: {problem.detail}", aliases=[])
    turn = asyncio.Semaphore(_AT_ONCE)
    tests = await asyncio.gather(*(_tested(desk, turn, one.id or 0, one.email_address) for one in inside))
    failed = [one for one in tests if not one.ok]
    told = "; ".join(f"{one.email_address}: {one.message}" for one in failed) if failed else verdict.SUCCESS
    return AccountConnectionTest(ok=not failed, message=told, aliases=list(tests))


async def _tested(desk: Desk, turn: asyncio.Semaphore, alias_id: int, address: str) -> AliasConnectionTest:
    async with turn:
        try:
            found = await testing.of_alias(desk, alias_id, ConnectionTestRequest())
        except EceError as problem:
            found = ConnectionTest(ok=False, message=problem.detail, steps=[])
    return AliasConnectionTest(alias_id=alias_id, email_address=address, **found.model_dump())
