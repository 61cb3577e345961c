"""What Microsoft's clouds are asked, to the letter; no machine of theirs is needed for that."""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config_api.oauth_applications import refusals
from config_api.oauth_applications.identity import IdentityProvider, Registration, Throttled
from config_api.oauth_applications.providers import MICROSOFT_CLOUDS, provider_of
from config_api.outgoing_http import Answer, Unreachable

TENANT = "d60887ce-696b-4e9a-98db-a7266a25839f"
REDIRECT = "https://mail.shop.test/oauth/callback"


class Microsoft:
    """Answers as the endpoint of one cloud does, and keeps what it was asked."""

    def __init__(self, authority: str) -> None:
        self.authority = authority
        self.asked: list[str] = []
        self.body = json.dumps(
            {"token_type": "Bearer", "expires_in": 3599, "access_token": "new", "refresh_token": "rotated"}
        )
        self.status = 200
        self.headers: dict[str, str] = {}
        self.forms: list[tuple[str, Mapping[str, str]]] = []

    async def get(self, url: str, _headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.append(url)
        tenant = urlsplit(url).path.split("/")[1]
        base = f"{self.authority}/{tenant}/oauth2/v2.0"
        document = {
            "issuer": f"{self.authority}/{TENANT}/v2.0",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
        }
        return Answer(200, {}, json.dumps(document).encode())

    async def post_form(self, url: str, form: Mapping[str, str], _headers: Mapping[str, str] | None = None) -> Answer:
        self.forms.append((url, form))
        return Answer(self.status, self.headers, self.body.encode())


def _application(endpoint: str, tenant: str = TENANT) -> Registration:
    reached = provider_of(
        provider="microsoft_office_365", endpoint=endpoint, tenant_id=tenant, issuer=None, servers={},
        application_scopes=[],
    )  # fmt: skip
    return Registration(reached, "26047cfe-0000-4000-8000-000000000000", secret="its Value")


@pytest.mark.rule(138, 143, 145, 151, 166)
@pytest.mark.parametrize("endpoint", list(MICROSOFT_CLOUDS))
@pytest.mark.parametrize("tenant", [TENANT, "shop.onmicrosoft.com"])
async def test_each_cloud_is_asked_at_its_own_place_with_its_own_scopes(endpoint: str, tenant: str) -> None:
    cloud = MICROSOFT_CLOUDS[endpoint]
    microsoft = Microsoft(cloud.authority)
    identity: Any = IdentityProvider(microsoft)  # pyright: ignore[reportArgumentType] - what it asks of HTTP
    who = _application(endpoint, tenant)
    scopes = who.provider.scopes("imap", "smtp")
    url, flow = await identity.sign_in(who, scopes, REDIRECT, None)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{cloud.authority}/{tenant}/oauth2/v2.0/authorize?")
    assert (asked["response_type"], asked["redirect_uri"]) == ("code", REDIRECT)
    wanted = {f"{cloud.resource}/IMAP.AccessAsUser.All", f"{cloud.resource}/SMTP.Send"}
    assert set(asked["scope"].split()) == wanted | {"openid", "profile", "offline_access"}
    # Whoever is signed in with Microsoft in this browser is often not the mailbox's owner.
    assert asked["prompt"] == "select_account"
    hinted, _ = await identity.sign_in(who, scopes, REDIRECT, "support@shop.test")
    assert "prompt" not in parse_qs(urlsplit(hinted).query)

    await identity.redeem_foreign(who, scopes, "the code", REDIRECT)
    grant = await identity.refresh(who, scopes, "the refresh token")
    await identity.as_application(who)
    assert (grant.access_token, grant.refresh_token, grant.lifetime.total_seconds()) == ("new", "rotated", 3599)
    assert {place for place, _ in microsoft.forms} == {f"{cloud.authority}/{tenant}/oauth2/v2.0/token"}
    redeemed, refreshed, own = (form for _, form in microsoft.forms)
    assert (redeemed["grant_type"], redeemed["code"]) == ("authorization_code", "the code")
    assert (refreshed["grant_type"], refreshed["refresh_token"]) == ("refresh_token", "the refresh token")
    assert wanted <= set(refreshed["scope"].split())
    assert (own["grant_type"], own["scope"]) == ("client_credentials", cloud.application_scope)
    assert all(form["client_secret"] == "its Value" for form in (redeemed, refreshed, own))
    assert len(flow["code_verifier"]) >= 43
    assert microsoft.asked == [f"{cloud.authority}/{tenant}/v2.0/.well-known/openid-configuration"]


def test_a_secret_is_hidden_in_the_providers_words_however_it_is_written() -> None:
    answer = {"error": "invalid_grant", "error_description": "no: 4/0Ab+c=, 4%2F0Ab%2Bc%3D or 4%2F0Ab%2Bc%3D!"}
    assert refusals.read(answer, ("4/0Ab+c=", "")).told == "no: ***, *** or ***!"


@pytest.mark.parametrize(
    ("error", "text", "hint"),
    [
        ("invalid_client", "AADSTS7000222: The provided client secret keys are expired.", "has expired"),
        ("invalid_client", "AADSTS700024: Client assertion is not within its valid time range.", "clock"),
        ("invalid_grant", "AADSTS50173: The provided grant has expired due to it being revoked.", "sign in again"),
        ("invalid_grant", "AADSTS53003: Access has been blocked by Conditional Access.", "Conditional Access"),
        ("unauthorized_client", "AADSTS700016: Application was not found in the directory.", "compare client id"),
        ("invalid_request", "AADSTS90002: Tenant not found.", "compare the tenant id"),
        ("something_new", "AADSTS9999999: Nobody knows.", "compare the application's settings"),
    ],
)
def test_microsofts_numbers_choose_what_to_do(error: str, text: str, hint: str) -> None:
    read = refusals.read({"error": error, "error_description": f"{text}\r\nTrace ID: 1"}, ())
    assert hint in read.hint
    assert "Trace" not in read.detail


_CLAIMS = base64.urlsafe_b64encode(json.dumps({"preferred_username": "a\0b", "exp": 4e9}).encode()).decode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "{}"),
        (200, '{"access_token": null}'),
        (200, '{"access_token": 5}'),
        (200, '{"access_token": "two\\r\\nlines"}'),
        (403, '{"message": "a firewall between us and Microsoft"}'),
        (400, '{"error": {"code": 5}}'),
        (200, '[{"access_token": "x"}]'),
    ],
)
async def test_what_is_no_answer_to_a_token_request_may_pass(status: int, body: str) -> None:
    microsoft = Microsoft("https://login.microsoftonline.com")
    microsoft.status, microsoft.body = status, body
    identity: Any = IdentityProvider(microsoft)  # pyright: ignore[reportArgumentType] - what it asks of HTTP
    who = _application("worldwide")
    with pytest.raises(Unreachable, match=f"answered {status}"):
        await identity.refresh(who, who.provider.scopes("imap"), "the refresh token")


@pytest.mark.parametrize(
    ("header", "seconds"), [("120", 120), ("9" * 400, 3600), ("\xb2", None), ("Fri, 31 Dec 2027 23:59:59 GMT", None)]
)
async def test_patience_is_read_as_far_as_it_is_a_number(header: str, seconds: float | None) -> None:
    microsoft = Microsoft("https://login.microsoftonline.com")
    microsoft.status, microsoft.headers = 429, {"retry-after": header}
    identity: Any = IdentityProvider(microsoft)  # pyright: ignore[reportArgumentType] - what it asks of HTTP
    who = _application("worldwide")
    with pytest.raises(Throttled) as told:
        await identity.refresh(who, who.provider.scopes("imap"), "the refresh token")
    assert told.value.retry_after == seconds


@pytest.mark.parametrize(
    ("extra", "seconds"),
    [
        ('"expires_in": NaN', 3600),
        ('"expires_in": 1e400', 86_400),
        ('"expires_in": -5', 1),
        ('"expires_in": "599"', 599),
        ('"expires_in": [1]', 3600),
        ('"scope": 5, "id_token": 5, "refresh_token": 7, "client_info": 5', 3600),
        ('"id_token": "nothing of the kind"', 3600),
    ],
)
async def test_a_token_is_kept_whatever_stands_beside_it(extra: str, seconds: int) -> None:
    """The refresh token that it was given for may be worth nothing any more."""
    microsoft = Microsoft("https://login.microsoftonline.com")
    microsoft.body = f'{{"access_token": "new", {extra}}}'
    identity: Any = IdentityProvider(microsoft)  # pyright: ignore[reportArgumentType] - what it asks of HTTP
    who = _application("worldwide")
    grant = await identity.refresh(who, who.provider.scopes("imap"), "the refresh token")
    assert (grant.access_token, grant.refresh_token, grant.lifetime.total_seconds()) == ("new", None, seconds)


async def test_the_name_of_who_signed_in_is_one_that_the_database_can_hold() -> None:
    microsoft = Microsoft("https://login.microsoftonline.com")
    microsoft.body = f'{{"access_token": "new", "id_token": "e30.{_CLAIMS}."}}'
    identity: Any = IdentityProvider(microsoft)  # pyright: ignore[reportArgumentType] - what it asks of HTTP
    who = _application("worldwide")
    grant = await identity.redeem_foreign(who, who.provider.scopes("imap"), "the code", REDIRECT)
    assert grant.user_name == "a\ufffdb"
