"""A route's access token: the newest is used; a refused one is replaced once, then the refusal counts."""

import asyncio
from collections import deque

from dispatcher.transport.dialogue import Ended
from dispatcher.transport.port import Conversation, Stage, Trouble
from dispatcher.verdict import switched_off
from ece_common.access_tokens import Ask
from ece_common.bearer import digest
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.tokens import AccessToken
from ece_common.errors import EceError, Transient

YOUNG_SECONDS = 60.0
"""A token whose session a server ends so soon after it was fetched: another one would fare no better."""

UNPROVEN_SECONDS = 300.0
"""A token that never opened anything so soon after it was fetched: likewise. Later it may just have run out."""

REMEMBERED = 8
"""Refused tokens: an assignment or claim on its way may still hold an older one than the last."""

_REFUSED = (530, 535)


class Login:
    """What one route logs in with. Its connections fail together: one asks, and the others get the answer."""

    def __init__(self, access: OutgoingAccess, ask: Ask | None) -> None:
        self._access = access
        self._ask = ask
        self._refused: deque[str] = deque(maxlen=REMEMBERED)
        self._hopeless: str | None = None
        self._unproven: str | None = None
        self._asked_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    @property
    def access(self) -> OutgoingAccess:
        """The newest."""
        return self._access

    def told(self, access: OutgoingAccess) -> None:
        """By the latest claim; it may have been written before the token in it was refused."""
        if access.access_token is not None and digest(access.access_token) not in self._refused:
            self._access = access

    def proven(self, access: OutgoingAccess) -> None:
        """Somebody logged in with it."""
        if access.access_token is not None and self._unproven == digest(access.access_token):
            self._unproven = None

    def refused(self, access: OutgoingAccess, said: Conversation) -> bool:
        """Whether another token may help, which `current` then brings. Otherwise the refusal counts."""
        if access.access_token is None or self._ask is None or access.alias_id is None or not is_about_token(said):
            return False
        token = digest(access.access_token)
        if token == self._hopeless:
            return False
        if self._access.access_token != access.access_token or token in self._refused:
            return True
        self._refused.append(token)
        age = asyncio.get_running_loop().time() - self._asked_at
        if (
            age < UNPROVEN_SECONDS
            if token == self._unproven
            else age < YOUNG_SECONDS and said.stage is not Stage.AUTH
        ):
            self._hopeless = token
            return False
        return True

    async def current(self) -> OutgoingAccess:
        """To log in with: with another token when the one there is known to be refused. Raises Ended."""
        async with self._one_at_a_time:
            access = self._access
            refused = digest(access.access_token or "")
            if refused not in self._refused:
                return access
            assert self._ask is not None
            assert access.alias_id is not None
            token = await _asked(self._ask, access.alias_id, refused)
            changes = {"access_token": token.access_token, "access_token_expires_at": token.expires_at}
            self._access = access.model_copy(update=changes)
            self._unproven, self._asked_at = digest(token.access_token), asyncio.get_running_loop().time()
            return self._access


def is_about_token(said: Conversation) -> bool:
    """At the login, or in the middle of a session that the server has ended for the token it began with."""
    reply = said.reply
    if reply is None or said.stage not in (Stage.AUTH, Stage.MAIL) or reply.code not in _REFUSED:
        return False
    return not switched_off(reply)


async def _asked(ask: Ask, alias_id: int, refused: str) -> AccessToken:
    try:
        token = await ask(alias_id, refused)
    except Transient as away:
        detail = f"No access token can be had now: {away.detail}"
        raise Ended(Conversation(Stage.AUTH, trouble=Trouble.PROVIDER_AWAY, detail=detail)) from None
    except EceError as lost:
        raise Ended(Conversation(Stage.AUTH, trouble=Trouble.ACCOUNT_REFUSES, detail=lost.detail)) from None
    if digest(token.access_token) == refused:
        detail = "The server refuses the account's access token, and the identity provider gives no other one."
        raise Ended(Conversation(Stage.AUTH, trouble=Trouble.ACCOUNT_REFUSES, detail=detail))
    return token
