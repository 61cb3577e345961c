"""A connection test by access token: a refused one is replaced once, as in real work, and the steps say so."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from ece_common.bearer import digest
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.jobs import ConnectionStep, Side, StepOutcome
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import EceError, Transient

Another = Callable[[str], Awaitable[AccessToken]]
"""A token other than the one with this digest. Raises ece_common.errors."""

_WAIT = "Try again when the identity provider answers."
_AUTHORIZE = "Authorize the account again, or set it active (Test connection of the account says more)."
_AS_BEFORE = "The identity provider gives the refused token again: check what its application may hand out."


class JobTokenDesk(Protocol):
    """Where tokens for a job come from: the Config API's client."""

    async def access_token_of_job(self, job_id: str, request: AccessTokenRequest) -> AccessToken: ...


def another(desk: JobTokenDesk, kind: ServiceKind, instance: str, replica: str) -> Callable[[str], Another]:
    """By the id of the job it is for."""

    def of_job(job_id: str) -> Another:
        async def ask(refused: str) -> AccessToken:
            request = AccessTokenRequest(kind=kind, instance=instance, replica=replica, refused=refused)
            return await desk.access_token_of_job(job_id, request)

        return ask

    return of_job


@dataclass(frozen=True, slots=True)
class Tried:
    """`token_refused`: another token may fare better."""

    steps: list[ConnectionStep]
    token_refused: bool = False


async def tried(
    side: Side, token: str | None, attempt: Callable[[str | None], Awaitable[Tried]], ask: Another
) -> list[ConnectionStep]:
    """The steps of the attempt; where the token was refused, of one more with a fresh token, told as a step."""
    first = await attempt(token)
    if token is None or not first.token_refused:
        return first.steps
    words = next((one.detail for one in first.steps if one.outcome == "failed"), "")
    begun = f"The server refused the token that was there ({words[:400]})"
    try:
        fresh = (await ask(digest(token))).access_token
    except EceError as lost:
        hint = _WAIT if isinstance(lost, Transient) else _AUTHORIZE
        return [_told(side, "failed", f"{begun}, and there is no other: {lost.detail}", hint), *first.steps]
    if fresh == token:
        return [_told(side, "failed", f"{begun}, and there is no other.", _AS_BEFORE), *first.steps]
    again = await attempt(fresh)
    ended = "was refused as well" if again.token_refused else "was not refused"
    return [_told(side, "ok", f"{begun}; a fresh one {ended}."), *again.steps]


def _told(side: Side, outcome: StepOutcome, detail: str, hint: str = "") -> ConnectionStep:
    return ConnectionStep(side=side, step="token", outcome=outcome, detail=detail[:1000], hint=hint)
