"""Tries an application step by step: addresses, the provider's description, the credential, its expiry."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from config_api.oauth_applications import discovery
from config_api.oauth_applications.expiry import WARNED_BEFORE
from config_api.oauth_applications.identity import IdentityProvider, Registration, Throttled
from config_api.oauth_applications.refusals import Refused
from config_api.outgoing_http import place
from ece_common.contracts.oauth_applications import Verification, VerificationStep
from ece_common.egress import EgressRefused
from ece_common.errors import EceError

_UNDECIDED = frozenset({"unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request"})
"""Errors about what was asked, which a wrong secret never gets to (RFC 6749 section 5.2: `invalid_client`)."""


async def verify(
    identity: IdentityProvider,
    who: Registration,
    *,
    redirect_uri: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> Verification:
    steps = [_web_server(redirect_uri)]
    steps.append(await _tried("addresses", lambda: _addresses(identity, who)))
    steps.append(await _after(steps[-1], "discovery", lambda: _discovery(identity, who)))
    steps.append(await _after(steps[-1], "credentials", lambda: _credentials(identity, who)))
    steps.append(_expiry(expires_at, now))
    return Verification(ok=all(step.outcome != "failed" for step in steps), steps=steps)


Try = Callable[[], Awaitable[VerificationStep]]


async def _tried(name: str, attempt: Try) -> VerificationStep:
    try:
        return await attempt()
    except EgressRefused as problem:
        hint = "a provider in a private network has to be allowed by ECE_EGRESS_ALLOW of the Config API"
        return VerificationStep(step=name, outcome="failed", detail=problem.detail, hint=hint)  # pyright: ignore[reportArgumentType] - one of the literals
    except Throttled as problem:
        hint = "nothing is wrong here: the provider asks for patience; try again in a few minutes"
        return VerificationStep(step=name, outcome="failed", detail=problem.detail, hint=hint)  # pyright: ignore[reportArgumentType] - likewise
    except EceError as problem:
        hint = "compare the tenant id or issuer, and whether the Config API may connect there"
        return VerificationStep(step=name, outcome="failed", detail=problem.detail, hint=hint)  # pyright: ignore[reportArgumentType] - likewise


async def _after(before: VerificationStep, name: str, attempt: Try) -> VerificationStep:
    if before.outcome in ("failed", "skipped"):
        told = "not tried, because an earlier step failed"
        return VerificationStep(step=name, outcome="skipped", detail=told)  # pyright: ignore[reportArgumentType] - one of the literals
    return await _tried(name, attempt)


def _web_server(redirect_uri: str | None) -> VerificationStep:
    if redirect_uri is None:
        hint = "set the partition's web_server_url to the address by which browsers reach this service"
        return VerificationStep(
            step="web_server_url", outcome="warning", detail="web_server_url is not set", hint=hint
        )
    hint = "the registration has to name exactly this redirect URI"
    return VerificationStep(step="web_server_url", outcome="ok", detail=redirect_uri, hint=hint)


async def _addresses(identity: IdentityProvider, who: Registration) -> VerificationStep:
    address = discovery.address_of(who.provider)
    found = await identity.http.judge(address)
    detail = f"{place(address)[0]} is {', '.join(found[:4])}"
    return VerificationStep(step="addresses", outcome="ok", detail=detail)


async def _discovery(identity: IdentityProvider, who: Registration) -> VerificationStep:
    found = await identity.discovery.of(who.provider, anew=True)
    return VerificationStep(step="discovery", outcome="ok", detail=f"the provider is {found.issuer}")


async def _credentials(identity: IdentityProvider, who: Registration) -> VerificationStep:
    try:
        await identity.as_application(who)
    except Refused as problem:
        refusal = problem.refusal
        outcome = "ok" if refusal.error in _UNDECIDED else "failed"
        detail = f"{refusal.error}: {refusal.told}"
        if outcome == "ok":
            detail = f"the provider knows the application, and let it have no token of its own ({detail})"
        hint = refusal.hint if outcome == "failed" else None
        return VerificationStep(step="credentials", outcome=outcome, detail=detail, hint=hint)
    return VerificationStep(step="credentials", outcome="ok", detail="the provider accepts the credential")


def _expiry(expires_at: datetime | None, now: datetime) -> VerificationStep:
    if expires_at is None:
        hint = "set client_secret_expires_at to be warned in time"
        return VerificationStep(step="expiry", outcome="skipped", detail="the expiry is not known", hint=hint)
    detail = f"the credential runs out on {expires_at:%Y-%m-%d}"
    if expires_at <= now:
        hint = "make a new one with the provider and enter it here"
        return VerificationStep(step="expiry", outcome="failed", detail=detail, hint=hint)
    soon = expires_at - now <= timedelta(days=max(WARNED_BEFORE))
    return VerificationStep(step="expiry", outcome="warning" if soon else "ok", detail=detail)
