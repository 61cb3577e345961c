"""Renews an account's tokens: one request at a time for each account, in all processes of the Config API together.

The new tokens are committed before anybody gets to see them: a provider that rotates refresh tokens may refuse the
old one from then on.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from config_api.access.callers import Caller
from config_api.accounts import authorization, mail_access, repository, tokens
from config_api.accounts.tables import AccountRow
from config_api.accounts.tokens import Held
from config_api.acting import Act
from config_api.database import Sessions
from config_api.oauth_applications import registration
from config_api.oauth_applications import repository as applications
from config_api.oauth_applications.identity import Grant, IdentityProvider, Throttled
from config_api.oauth_applications.refusals import Refused
from config_api.references import Hooks
from config_api.sealing import Vault
from ece_common.contracts.tokens import PROVIDER_AWAY
from ece_common.errors import Conflict, EceError, Transient

ACCOUNT_INVALID = "account_invalid"
ACCOUNT_INACTIVE = "account_inactive"
LOCK_SECONDS = 40
_STORE_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds, as long as a database takes to fail over."""
DATABASE_AWAY = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 900.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tools:
    """What renewing needs besides the account."""

    sessions: Sessions
    vault: Vault
    identity: IdentityProvider
    hooks: Hooks
    clock: Callable[[], datetime]


Outcome = Grant | Refused | EceError


@dataclass(frozen=True, slots=True)
class _Stored:
    held: Held | None
    number: int
    due: bool

    def opening(self, now: datetime, refused: str | None) -> Held | None:
        """Unless it has run out, or is the refused one."""
        held = self.held
        return held if held is not None and held.expires_at > now and held.digest != refused else None


class Renewals:
    """`at_once` requests of this process at the same time: each holds a database connection meanwhile."""

    def __init__(self, tools: Tools, at_once: int) -> None:
        self._tools = tools
        self._running: dict[int, asyncio.Task[bool]] = {}
        self._turn: asyncio.Semaphore = asyncio.Semaphore(at_once)

    async def token(self, account_id: int, refused: str | None) -> Held:
        """A token that is another than the refused one, whose SHA-256 in hex is given.

        Raise `Conflict` when only an administrator helps, `Transient` when the provider is away and what is there
        opens nothing.
        """
        for _ in range(3):
            stored = await self._stored(account_id)
            held = stored.opening(self._tools.clock(), refused)
            if held is not None and not stored.due:
                return held
            try:
                new = await self.renew(account_id, stored.number)
            except Transient:
                # What is there is used to its end while the provider is away.
                if held is not None:
                    return held
                raise
            if new:
                await self._tell_workers(account_id)
        raise Transient("the account's tokens change too fast; ask again")

    async def prove(self, account_id: int) -> None:
        """Ask the provider whether what was granted still stands, however long the token at hand is good for: a
        revoked grant does not end the tokens that were given for it.

        Raise `Conflict` when only an administrator helps, `Transient` when the provider gives no answer now.
        """
        async with self._tools.sessions() as session:
            account = await repository.get(session, account_id)
        if account.authorization_state != "invalid" or not _may_stand(account):
            refuse_unusable(account)
        if await self.renew(account_id, account.token_number, pressing=True):
            await self._tell_workers(account_id)
            return
        # Somebody else was faster, with whatever result.
        async with self._tools.sessions() as session:
            refuse_unusable(await repository.get(session, account_id))

    async def stands(self, account_id: int) -> str | None:
        """As `prove`, but what is at hand counts while the provider gives nothing new: then why. Raise as `token`."""
        try:
            await self.prove(account_id)
        except Transient as problem:
            await self.token(account_id, None)
            return problem.detail
        return None

    async def renew(self, account_id: int, seen: int, *, pressing: bool = False) -> bool:
        """Unless the tokens are others by now than those of number `seen`. Whether there are new ones, from us.
        `pressing`: somebody waits to hear whether the refusal of before still stands.
        """
        running = self._running.get(account_id)
        if running is None:
            running = asyncio.create_task(
                self._renew(account_id, seen, pressing=pressing), name=f"renewal/{account_id}"
            )
            self._running[account_id] = running
            running.add_done_callback(lambda _: self._running.pop(account_id, None))
        # Whoever waits may go away; the request to the provider is finished and its answer kept.
        return await asyncio.shield(running)

    async def settled(self) -> None:
        """Wait until no request is under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _stored(self, account_id: int) -> _Stored:
        async with self._tools.sessions() as session:
            account = await repository.get(session, account_id)
        refuse_unusable(account)
        due = account.renew_at is None or account.renew_at <= self._tools.clock()
        return _Stored(tokens.held(account, self._tools.vault), account.token_number, due)

    async def _tell_workers(self, account_id: int) -> None:
        async with self._tools.sessions() as session, session.begin():
            for follow in self._tools.hooks.account_change_followers:
                await follow(session, [account_id])

    async def _renew(self, account_id: int, seen: int, *, pressing: bool) -> bool:
        outcome: Outcome | None = None
        async with self._turn:
            try:
                async with self._tools.sessions() as session, session.begin():
                    await repository.wait_longer(session, LOCK_SECONDS)
                    await repository.lock_tokens(session, account_id)
                    act = self._act(session)
                    outcome = await self._asked(act, account_id, seen, pressing=pressing)
                    if outcome is not None:
                        await self._write(act, account_id, seen, outcome)
            except DATABASE_AWAY:
                if outcome is None:
                    raise
                await self._write_later(account_id, seen, outcome)
        if isinstance(outcome, EceError):
            log.warning("account.not_renewed", account_id=account_id, problem=outcome.detail, code=outcome.code)
            lost = isinstance(outcome, Refused) and outcome.refusal.meaning == "grant_lost"
            raise _invalid(outcome.detail) if lost else Transient(outcome.detail, code=PROVIDER_AWAY)
        if outcome is not None:
            log.info("account.renewed", account_id=account_id)
        return outcome is not None

    def _act(self, session: object) -> Act:
        tools = self._tools
        return Act(session, Caller("system", None), tools.hooks, tools.vault, tools.clock())  # pyright: ignore[reportArgumentType] - an AsyncSession

    async def _asked(self, act: Act, account_id: int, seen: int, *, pressing: bool) -> Outcome | None:
        """None: nothing to do. Called under the account's lock."""
        account = await repository.maybe(act.session, account_id)
        if account is None or account.token_number != seen:
            return None
        refused = account.authorization_reason is not None
        waits = account.put_off_until is not None and account.put_off_until > act.now
        if waits and not (pressing and refused):
            before = f"{account.authorization_detail}; " if account.authorization_detail else ""
            return Transient(f"{before}the provider is asked again at {account.put_off_until:%H:%M:%S} UTC")
        try:
            grant = await self._grant(act, account)
        except EceError as problem:
            return problem
        return grant

    async def _grant(self, act: Act, account: AccountRow) -> Grant:
        application = await applications.get(act.session, account.oauth_application_id)
        who = registration.opened(application, act.vault)
        identity = self._tools.identity
        if account.authentication_flow == "client_credentials":
            return await identity.as_application(who)
        known = tokens.opened(account, act.vault)
        if known is None or known.refresh_token is None:
            raise Conflict("the account has no refresh token", code=ACCOUNT_INVALID)
        scopes = mail_access.scopes(application, account.server_type)
        try:
            return await identity.refresh(who, scopes, known.refresh_token)
        except Refused as problem:
            if problem.refusal.meaning != "grant_lost":
                raise
            # Once more, to be sure: an administrator has to sign in again if this is true.
            return await identity.refresh(who, scopes, known.refresh_token)

    async def _write(self, act: Act, account_id: int, seen: int, outcome: Outcome) -> None:
        account = await repository.maybe(act.session, account_id, lock=True)
        if account is None or account.token_number != seen:
            # Deleted, or authorized anew, while the provider was asked.
            return
        if isinstance(outcome, Grant):
            await authorization.renewed(act, account, outcome)
        elif isinstance(outcome, Refused):
            await authorization.refused(act, account, outcome.refusal)
        elif account.put_off_until is None or account.put_off_until <= act.now:
            authorization.put_off(act, account, _pause(account.failed_renewals, outcome))
        await act.session.flush()

    async def _write_later(self, account_id: int, seen: int, outcome: Outcome) -> None:
        """The database failed while the provider had answered already: a rotated token must not get lost."""
        for pause in _STORE_PAUSES:
            await asyncio.sleep(pause)
            try:
                async with self._tools.sessions() as session, session.begin():
                    await repository.lock_tokens(session, account_id)
                    await self._write(self._act(session), account_id, seen, outcome)
            except DATABASE_AWAY as problem:
                log.warning("account.not_stored_yet", account_id=account_id, problem=type(problem).__name__)
            else:
                return
        log.error("account.not_stored", account_id=account_id, advice="sign in again if its grant is refused now")
        raise Transient("the database did not take the account's new tokens")


def refuse_unusable(account: AccountRow) -> None:
    """Raise `Conflict` for an account that gives no tokens: an administrator has to do something first."""
    if account.status != "active":
        raise Conflict("the account is inactive: set it active first", code=ACCOUNT_INACTIVE)
    if account.authorization_state != "authorized":
        raise _invalid(account.authorization_detail or "nobody has authorized it yet")


def _may_stand(account: AccountRow) -> bool:
    """It was given up because of its application, and its grant was kept: that may have been mended over there."""
    by_person = account.authentication_flow == "authorization_code"
    return account.status == "active" and (account.tokens is not None or not by_person)


def _invalid(detail: str) -> Conflict:
    return Conflict(f"the account is not authorized: {detail}", code=ACCOUNT_INVALID)


def _pause(failed_before: int, problem: EceError) -> timedelta:
    if isinstance(problem, Throttled) and problem.retry_after is not None:
        return timedelta(seconds=max(problem.retry_after, 1.0))
    longest = min(_FIRST_PAUSE * 2**failed_before, _LONGEST_PAUSE)
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load
