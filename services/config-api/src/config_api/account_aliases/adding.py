"""Existing aliases join an account (R186 to R190): each is tried as the account first; only what opens changes."""

import asyncio
from dataclasses import dataclass
from typing import Any

from config_api.access.callers import Caller
from config_api.account_aliases.joining import join, problem_of
from config_api.accounts import mail_access, renewing
from config_api.accounts import repository as accounts
from config_api.accounts.mail_access import MailAccess
from config_api.accounts.renewing import Renewals, Tools
from config_api.acting import Act
from config_api.aliases import repository as aliases
from config_api.jobs import asking
from config_api.jobs.asking import Desk
from ece_common.contracts.accounts import AddedAlias, AddedAliases, AddExistingAliases
from ece_common.contracts.jobs import ConnectionStep
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import EceError, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Adding:
    """On whose behalf, and with what."""

    tools: Tools
    desk: Desk
    renewals: Renewals
    caller: Caller


async def add(adding: Adding, account_id: int, wanted: AddExistingAliases) -> AddedAliases:
    """Raise `Invalid` for aliases of another department or account, `Conflict` for an account that gives no token,
    `NoLiveReplica` when nobody is there to try them.
    """
    access = await _judged(adding, account_id, wanted)
    # A server that refuses a stale token would say of each alias that it does not belong here.
    await adding.renewals.stands(account_id)
    tried = [_try(adding, account_id, alias_id, access, wanted) for alias_id in dict.fromkeys(wanted.alias_ids)]
    return AddedAliases(results=list(await asyncio.gather(*tried)))


async def _judged(adding: Adding, account_id: int, wanted: AddExistingAliases) -> MailAccess:
    async with adding.tools.sessions() as session:
        found = (await accounts.with_applications(session, [account_id])).get(account_id)
        if found is None:
            raise NotFound(f"there is no account {account_id}")
        account, application = found
        renewing.refuse_unusable(account)
        problems: list[FieldProblem] = []
        for place, alias_id in enumerate(wanted.alias_ids):
            alias = await aliases.kept(session, alias_id)
            told = None
            if alias is None or alias.deleted_at is not None or alias.department_id != account.department_id:
                told = f"there is no alias {alias_id} in the account's department"
            elif alias.account_id is not None:
                told = f"alias {alias_id} is in account {alias.account_id} already; only basic ones are added"
            if told is not None:
                problems.append(FieldProblem(field=f"alias_ids.{place}", problem=told))
    if problems:
        raise Invalid("; ".join(one.problem for one in problems)[:2000], errors=problems)
    return mail_access.of_account(account, application)


async def _try(
    adding: Adding, account_id: int, alias_id: int, access: MailAccess, wanted: AddExistingAliases
) -> AddedAlias:
    """R189: opened by its retriever as this account. R190: what does not open stays as it is."""
    async with adding.tools.sessions() as session:
        unfit = problem_of(await aliases.get(session, alias_id), access)
    if unfit is not None:
        return AddedAlias(alias_id=alias_id, outcome="refused", message=unfit)
    result = await asking.ask(adding.desk, "test_incoming", alias_id, alias_id, account_id=account_id)
    steps = [ConnectionStep.model_validate(one) for one in result.get("steps", [])]
    refused = _refusal(result, steps)
    if refused is None:
        refused = await _join(adding, account_id, alias_id, shared=wanted.add_as_shared_mailbox)
    if refused is not None:
        return AddedAlias(alias_id=alias_id, outcome="refused", message=refused, steps=steps)
    return AddedAlias(alias_id=alias_id, outcome="added", message="the alias is in the account now", steps=steps)


def _refusal(result: Any, steps: list[ConnectionStep]) -> str | None:  # noqa: ANN401 - JSON
    if result.get("problem"):
        return f"the alias could not be tried: {result['problem']}"
    failed = [step for step in steps if step.outcome == "failed"]
    if not failed and any(step.step == "auth" for step in steps):
        return None
    told = "; ".join(f"{step.step}: {step.detail}" for step in failed) or "the login was not tried"
    return f"the alias does not belong to this account: its mailbox did not open with it ({told})"[:1000]


async def _join(adding: Adding, account_id: int, alias_id: int, *, shared: bool) -> str | None:
    tools = adding.tools
    try:
        async with tools.sessions() as session, session.begin():
            act = Act(session, adding.caller, tools.hooks, tools.vault, tools.clock())
            await join(act, account_id, alias_id, shared=shared)
    except EceError as problem:
        return problem.detail
    return None
