"""An alias's access token: the newest is used; a refused one is replaced once, then the failure counts."""

from collections import deque
from collections.abc import Callable

from ece_common.access_tokens import FreshTokens
from ece_common.bearer import digest
from ece_common.contracts.instances import IncomingAccess
from ece_common.contracts.tokens import PROVIDER_AWAY, AccessToken
from ece_common.errors import Conflict, StaleEpoch, Transient
from retriever.mailbox.port import MailFailure

YOUNG_SECONDS = 60.0
"""A token that a server ends so soon after it was fetched: another one would fare no better."""

UNPROVEN_SECONDS = 300.0
"""A token that never opened anything so soon after it was fetched: likewise. Later it may just have run out."""

REMEMBERED = 8
"""Refused tokens: an assignment on its way may still hold an older one than the last."""

_WITHOUT_ACCOUNT = "alias_without_account"


class LoginToken:
    """Of one alias. One with a password has nothing to do here: nothing is wanted, nothing is asked for."""

    def __init__(self, fresh: FreshTokens, monotonic: Callable[[], float]) -> None:
        self._fresh = fresh
        self._monotonic = monotonic
        self._refused: deque[str] = deque(maxlen=REMEMBERED)
        self._unproven: str | None = None
        self._asked_at = float("-inf")

    def newest(self, ours: IncomingAccess, told: IncomingAccess) -> IncomingAccess:
        """`told` by a new assignment; it may have been written before the token in it was refused."""
        if told.access_token is None or digest(told.access_token) in self._refused:
            kept = {"access_token": ours.access_token, "access_token_expires_at": ours.access_token_expires_at}
            return told.model_copy(update=kept)
        return told

    def proven(self) -> None:
        """A login went well."""
        self._unproven = None

    def refused(self, access: IncomingAccess, failure: MailFailure) -> bool:
        """Whether another token may help; `renewed` then gets it. Otherwise the failure counts."""
        if access.access_token is None or failure.reason != "authentication_failed":
            return False
        known = digest(access.access_token)
        if known in self._refused:
            return False
        age = self._monotonic() - self._asked_at
        if failure.stage == "auth":
            hopeless = known == self._unproven and age < UNPROVEN_SECONDS
        else:
            hopeless = age < YOUNG_SECONDS
        self._refused.append(known)
        self._unproven = None
        return not hopeless

    async def renewed(self, alias_id: int, access: IncomingAccess) -> IncomingAccess:
        """To log in with: with another token when the one there is known to be refused, or none has come yet.

        Raises MailFailure when there is none: for an administrator (409), or because the identity provider does not
        answer now. Raises ece_common.errors while the Config API itself is away.
        """
        access = self.as_the_others(access)
        refused = digest(access.access_token) if access.access_token is not None else None
        if refused not in self._refused and (refused is not None or access.password):
            return access
        try:
            token = await self._fresh(alias_id, refused)
        except (Conflict, Transient) as problem:
            if problem.code == _WITHOUT_ACCOUNT and refused is None:
                return access  # it may well have an empty password
            told = _failure(problem)
            if told is None:
                raise
            raise told from None
        if digest(token.access_token) == refused:
            detail = "the server refuses the account's access token, and the identity provider gives no other one"
            raise MailFailure("manual", "authentication_failed", detail, stage="auth")
        self._asked_at = self._monotonic()
        return self._with(access, token)

    def as_the_others(self, access: IncomingAccess) -> IncomingAccess:
        """With the token that another alias of the account got in place of this one, if one did."""
        if access.access_token is None:
            return access
        token = self._fresh.instead_of(digest(access.access_token))
        return access if token is None else self._with(access, token)

    def _with(self, access: IncomingAccess, token: AccessToken) -> IncomingAccess:
        self._unproven = digest(token.access_token)
        changes = {"access_token": token.access_token, "access_token_expires_at": token.expires_at}
        return access.model_copy(update=changes)


def _failure(problem: Conflict | Transient) -> MailFailure | None:
    """What the account or its provider has against it; None when it is nothing of theirs: then it does not count."""
    if isinstance(problem, Transient):
        if problem.code != PROVIDER_AWAY:
            return None
        detail = f"no access token can be had now: {problem.detail}"
        return MailFailure("recoverable", "network_problem", detail, stage="auth")
    # An alias that has left its account: how it is let in now comes with the next assignment.
    if isinstance(problem, StaleEpoch) or problem.code == _WITHOUT_ACCOUNT:
        return None
    return MailFailure("manual", "authentication_failed", problem.detail, stage="auth")
