"""An alias's access token: the newest is used; a refused one is replaced once, then the failure counts."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from ece_common.bearer import digest
from ece_common.contracts.instances import IncomingAccess
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import Conflict, StaleEpoch, Transient
from retriever.mailbox.port import MailFailure

YOUNG_SECONDS = 60.0
"""A token that a server ends so soon after it was fetched: another one would fare no better."""

REMEMBERED = 8
"""Refused tokens: an assignment on its way may still hold an older one than the last."""

Ask = Callable[[int, str | None], Awaitable[AccessToken]]
"""A token for an alias, other than the one with this digest. Raises ece_common.errors."""

_WITHOUT_ACCOUNT = "alias_without_account"


class TokenDesk(Protocol):
    async def access_token(self, alias_id: int, request: AccessTokenRequest) -> AccessToken: ...


def asking(desk: TokenDesk, instance: str, replica: str) -> Ask:
    async def ask(alias_id: int, refused: str | None) -> AccessToken:
        request = AccessTokenRequest(kind="retriever", instance=instance, replica=replica, refused=refused)
        return await desk.access_token(alias_id, request)

    return ask


class LoginToken:
    """Of one alias. One with a password has nothing to do here: nothing is wanted, nothing is asked for."""

    def __init__(self, ask: Ask, monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._refused: deque[str] = deque(maxlen=REMEMBERED)
        self._unproven = False
        self._asked_at = float("-inf")

    def newest(self, ours: IncomingAccess, told: IncomingAccess) -> IncomingAccess:
        """`told` by a new assignment; it may have been written before the token in it was refused."""
        if told.access_token is None or digest(told.access_token) in self._refused:
            kept = {"access_token": ours.access_token, "access_token_expires_at": ours.access_token_expires_at}
            return told.model_copy(update=kept)
        return told

    def proven(self) -> None:
        """A login went well."""
        self._unproven = False

    def refused(self, access: IncomingAccess, failure: MailFailure) -> bool:
        """Whether another token may help; `renewed` then gets it. Otherwise the failure counts."""
        if access.access_token is None or failure.reason != "authentication_failed":
            return False
        known = digest(access.access_token)
        if known in self._refused:
            return False
        at_login = failure.stage == "auth"
        hopeless = self._unproven if at_login else self._monotonic() - self._asked_at < YOUNG_SECONDS
        self._refused.append(known)
        self._unproven = False
        return not hopeless

    async def renewed(self, alias_id: int, access: IncomingAccess) -> IncomingAccess:
        """To log in with: with another token when the one there is known to be refused, or none has come yet.

        Raises MailFailure when there is none: for an administrator (409), or because the identity provider does not
        answer now. Raises ece_common.errors while the Config API itself is away.
        """
        refused = digest(access.access_token) if access.access_token is not None else None
        if refused not in self._refused and (refused is not None or access.password):
            return access
        try:
            token = await self._ask(alias_id, refused)
        except StaleEpoch:
            raise
        except Conflict as lost:
            if lost.code == _WITHOUT_ACCOUNT:
                return access  # it may well have an empty password
            raise MailFailure("manual", "authentication_failed", lost.detail, stage="auth") from None
        except Transient as away:
            if away.code != Transient.code:
                raise
            detail = f"no access token can be had now: {away.detail}"
            raise MailFailure("recoverable", "network_problem", detail, stage="auth") from None
        if digest(token.access_token) == refused:
            detail = "the server refuses the account's access token, and the identity provider gives no other one"
            raise MailFailure("manual", "authentication_failed", detail, stage="auth")
        self._unproven, self._asked_at = True, self._monotonic()
        changes = {"access_token": token.access_token, "access_token_expires_at": token.expires_at}
        return access.model_copy(update=changes)
