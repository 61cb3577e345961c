"""Fresh access tokens for a worker: the aliases of one account hold the same token, and one asks for all of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from ece_common.bearer import digest
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import EceError, Transient

KEPT_SECONDS = 600.0
"""Longer than it takes until every alias has met its account's new token; shorter than any token lives."""
_KEPT = 1000

ACCOUNT_WITHOUT_TOKEN = frozenset({"account_invalid", "account_inactive"})
"""Only an administrator helps, and for every alias of the account alike."""

Ask = Callable[[int, str | None], Awaitable[AccessToken]]
"""A token for an alias, other than the one with this digest. Raises ece_common.errors."""


class TokenDesk(Protocol):
    """Where tokens come from: the Config API's client."""

    async def access_token(self, alias_id: int, request: AccessTokenRequest) -> AccessToken: ...


def asking(desk: TokenDesk, kind: ServiceKind, instance: str, replica: str) -> "FreshTokens":
    async def ask(alias_id: int, refused: str | None) -> AccessToken:
        request = AccessTokenRequest(kind=kind, instance=instance, replica=replica, refused=refused)
        return await desk.access_token(alias_id, request)

    return FreshTokens(ask)


class FreshTokens:
    """Of one process. Hundreds of mailboxes of one account lose their sessions at the same moment."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._asking: dict[str, asyncio.Task[AccessToken]] = {}
        self._given: OrderedDict[str, tuple[AccessToken, float]] = OrderedDict()

    def instead_of(self, refused: str) -> AccessToken | None:
        """What another alias got lately when this token was refused to it. Nobody shows the old one again."""
        oldest = _now() - KEPT_SECONDS
        found: AccessToken | None = None
        for _ in range(len(self._given)):
            token, at = self._given.get(refused, (None, 0.0))
            if token is None or at < oldest:
                break
            found, refused = token, digest(token.access_token)
        return found

    async def __call__(self, alias_id: int, refused: str | None) -> AccessToken:
        if refused is None:
            return await self._ask(alias_id, None)
        given = self.instead_of(refused)
        if given is not None:
            return given
        asking = self._asking.get(refused)
        if asking is None:
            return await asyncio.shield(self._begin(alias_id, refused))
        try:
            return await asyncio.shield(asking)
        except EceError as problem:
            if isinstance(problem, Transient) or problem.code in ACCOUNT_WITHOUT_TOKEN:
                raise
            return await self._ask(alias_id, refused)  # what was said was about the other alias

    def _begin(self, alias_id: int, refused: str) -> asyncio.Task[AccessToken]:
        asking = asyncio.ensure_future(self._asked(alias_id, refused))
        self._asking[refused] = asking
        asking.add_done_callback(lambda ended: self._ended(refused, ended))
        return asking

    async def _asked(self, alias_id: int, refused: str) -> AccessToken:
        token = await self._ask(alias_id, refused)
        if digest(token.access_token) != refused:
            self._given[refused] = token, _now()
            while len(self._given) > _KEPT:
                self._given.popitem(last=False)
        return token

    def _ended(self, refused: str, ended: asyncio.Task[AccessToken]) -> None:
        del self._asking[refused]
        if not ended.cancelled():
            ended.exception()  # every asker has it; that none waits any more is no mistake


def _now() -> float:
    return asyncio.get_running_loop().time()
