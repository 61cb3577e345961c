"""What a provider's error answer means: decided on `error` (RFC 6749 5.2); AADSTS numbers only choose the hint."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, quote_plus

from ece_common.errors import Permanent

Meaning = Literal["grant_lost", "application", "passing"]
LONGEST = 500

_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_GRANT_LOST = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
_NUMBER = re.compile(r"AADSTS(\d{4,8})")

_BY_NUMBER: Mapping[str, str] = {
    "50011": "register the redirect URI of the authorization request with the provider, character by character",
    "50057": "the user is disabled in the directory: enable it, or sign in as another one",
    "50076": "the directory asks for another factor now: sign in again for a new authorization code",
    "50079": "the directory asks for another factor now: sign in again for a new authorization code",
    "50105": "the user is not assigned to the application: assign it in the directory",
    "50173": "the grant was revoked or the password was reset: sign in again for a new authorization code",
    "53003": "a Conditional Access policy forbids it: ask the directory's administrator",
    "54005": "a code works once: sign in again for a new authorization code",
    "65001": "nobody consented to the permissions: sign in again and accept them, or grant them in the directory",
    "65004": "the person who signed in declined: sign in again and accept the permissions",
    "70000": "sign in again for a new authorization code",
    "70008": "codes and unused grants run out: sign in again for a new authorization code",
    "70043": "a sign-in frequency policy ended the grant: sign in again for a new authorization code",
    "90094": "an administrator of the directory has to consent: sign in as one, or grant the permissions there",
    "500011": "the directory has no Exchange Online for these permissions: compare tenant id and endpoint",
    "700016": "no such application in this directory: compare client id and tenant id",
    "700082": "the grant was not used for too long: sign in again for a new authorization code",
    "700024": "the certificate's proof is out of its time: set the clock of this machine right",
    "700027": "register this certificate with the application, or enter the one that is registered",
    "7000112": "the application is disabled in the directory: enable it there",
    "7000215": "enter the secret's Value, not its id; make a new secret when the Value is lost",
    "7000222": "the client secret has expired: make a new one and enter its Value",
    "90002": "no such directory: compare the tenant id, and the endpoint",
}
_BY_ERROR: Mapping[str, str] = {
    "invalid_grant": "sign in again for a new authorization code: one works once, within minutes, for the "
    "application and redirect URI it was made for",
    "interaction_required": "sign in again: the provider wants to ask the person something",
    "consent_required": "sign in again and accept the permissions",
    "login_required": "sign in again for a new authorization code",
    "invalid_client": "compare client id, tenant id and client secret (its Value, not its id); it may have expired",
    "unauthorized_client": "the application is not allowed to do this: compare its client id, type and permissions",
    "invalid_scope": "the application lacks a permission for these mail protocols: add it and consent to it",
    "access_denied": "the person who signed in, or a policy, said no: sign in again and accept the permissions",
    "redirect_uri_mismatch": "register the redirect URI of the authorization request with the provider",
}
_OTHERWISE = "compare the application's settings with those at the provider"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`error` decides, `told` is shown."""

    error: str
    told: str
    hint: str

    @property
    def meaning(self) -> Meaning:
        if self.error in _PASSING:
            return "passing"
        return "grant_lost" if self.error in _GRANT_LOST else "application"

    @property
    def detail(self) -> str:
        return f"{self.error}: {self.told} ({self.hint})" if self.told else f"{self.error} ({self.hint})"


class Refused(Permanent):
    """The provider said no, for good."""

    status = 422
    code = "provider_refused"
    title = "The identity provider refused"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def read(answer: Mapping[str, Any], secrets: Iterable[str]) -> Refusal:
    """Of an error answer, or of the parameters of an error redirect. `secrets` were sent, and may be repeated."""
    error = _line(str(answer.get("error") or "unknown_error"), 60)
    told = first_line(str(answer.get("error_description") or ""), secrets)
    number = _NUMBER.search(told)
    hint = _BY_NUMBER.get(number[1]) if number is not None else None
    return Refusal(error, told, hint or _BY_ERROR.get(error, _OTHERWISE))


def first_line(text: str, secrets: Iterable[str]) -> str:
    """Without what was secret, without control characters. Microsoft's further lines are trace numbers."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            if form:
                text = text.replace(form, "***")
    lines = text.splitlines()
    return _line(lines[0] if lines else "", LONGEST)


def _line(text: str, longest: int) -> str:
    printable = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return printable.encode("utf-8", "replace").decode()[:longest]
