"""A connection test of an account (R191 to R196): its grant, then each of its aliases by their workers."""

import asyncio
from dataclasses import replace

from config_api.accounts import repository as accounts
from config_api.aliases import repository as aliases
from config_api.aliases.repository import Filters
from config_api.connections import testing, verdict
from config_api.connections.testing import Bench
from config_api.jobs.asking import Desk
from ece_common.contracts.accounts import AccountConnectionTest, AliasConnectionTest
from ece_common.contracts.jobs import ConnectionTest, Side
from ece_common.errors import Conflict, EceError, Transient

TESTED = 50
_AT_ONCE = 8
_NO_TIME = "it was not tested, as the others took all the time: test it by itself"
_SIDES: tuple[Side, Side] = ("incoming", "outgoing")


async def of_account(bench: Bench, account_id: int) -> AccountConnectionTest:
    """Raise `NotFound`. Whatever else goes wrong is in the answer."""
    async with bench.desk.sessions() as session:
        account = await accounts.get(session, account_id)
        filters = Filters(account_id=account_id)
        inside = await aliases.after(session, account.department_id, 0, TESTED + 1, filters)
    try:
        doubt = await bench.renewals.stands(account_id)
    except (Conflict, Transient) as problem:
        return AccountConnectionTest(ok=False, message=f"No access token could be had: {problem.detail}", aliases=[])
    turn = asyncio.Semaphore(_AT_ONCE)
    deadline = asyncio.get_running_loop().time() + bench.desk.patience
    trying = (_tested(bench.desk, turn, deadline, one.id or 0, one.email_address) for one in inside[:TESTED])
    tests = await asyncio.gather(*trying)
    told = [f"{one.email_address}: {one.message}" for one in tests if not one.ok]
    if doubt is not None:
        told.insert(0, f"The identity provider gave no new access token, and the one at hand ends soon: {doubt}")
    if len(inside) > TESTED:
        told.append(f"only the first {TESTED} aliases were tested: test the others one by one")
    message = "; ".join(told) if told else verdict.SUCCESS
    return AccountConnectionTest(ok=not told, message=message, aliases=list(tests))


async def _tested(
    desk: Desk, turn: asyncio.Semaphore, deadline: float, alias_id: int, address: str
) -> AliasConnectionTest:
    async with turn:
        left = deadline - asyncio.get_running_loop().time()
        found = ConnectionTest(ok=False, message=_NO_TIME, steps=[])
        try:
            if left > 0:
                # No need to look for a token, as a test of the alias alone would: the account was asked just now.
                steps = await testing.steps_of(replace(desk, patience=left), alias_id, _SIDES)
                found = verdict.conclude(steps)
        except EceError as problem:
            found = ConnectionTest(ok=False, message=problem.detail, steps=[])
    return AliasConnectionTest(alias_id=alias_id, email_address=address, **found.model_dump())
