"""The sign-in: its URL, the page it ends on, and what happens to those who come back late, twice or empty-handed."""

import re
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import httpx
import pytest

from config_api.transport_guard import MAXIMUM_OF_STRANGERS
from tests.config_api.builders import a_department, fields_of
from tests.config_api.oauth.builders import REDIRECT, a_code, an_account, an_application, begun, come_back
from tests.config_api.oauth.provider import SECRET, Provider
from tests.config_api.process import Clock, ConfigApi


@pytest.mark.rule(155)
async def test_nobody_signs_in_before_the_web_server_url_is_set(admin: httpx.AsyncClient, provider: Provider) -> None:
    application = await an_application(admin, provider)
    await admin.patch("/settings", json={"web_server_url": None})
    refused = await admin.post(f"/oauth-applications/{application['id']}/authorization-requests", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "web_server_url_not_set")
    assert "web_server_url" in refused.json()["detail"]


@pytest.mark.rule(155, 156, 157)
async def test_the_web_server_url_is_https_or_on_this_machine(admin: httpx.AsyncClient) -> None:
    for url in ("http://mail.shop.test", "http://localhost.evil.test", "ftp://mail.shop.test"):
        assert fields_of(await admin.patch("/settings", json={"web_server_url": url})) == ["web_server_url"]
    for url in ("https://mail.shop.test/gate", "http://localhost:8080", "http://127.0.0.1"):
        assert (await admin.patch("/settings", json={"web_server_url": url})).status_code == 200


@pytest.mark.rule(141, 156, 166)
async def test_the_url_asks_for_the_protocols_scopes_with_pkce_and_our_redirect_uri(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = await an_application(config_api.admin, provider)
    account = await an_account(config_api, provider, application["id"], server_type="pop3_and_smtp")
    url = await begun(config_api.admin, application["id"], account_id=account["id"], login_hint="support@shop.test")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{provider.issuer}/authorize?")
    assert asked["redirect_uri"] == REDIRECT
    assert asked["code_challenge_method"] == "S256"
    assert asked["login_hint"] == "support@shop.test"
    assert set(asked["scope"].split()) == {"pop", "smtp", "openid", "profile", "offline_access"}
    assert len(asked["state"]) >= 40


@pytest.mark.rule(142, 167)
async def test_the_page_shows_the_code_without_a_script_and_loads_nothing(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    application = await an_application(config_api.admin, provider)
    back = provider.consent(await begun(config_api.admin, application["id"]))
    page = await come_back(config_api, **back)
    assert page.status_code == 200
    without_script = re.sub(r"<script.*?</script>", "", page.text, flags=re.DOTALL)
    assert f">{back['code']}</textarea>" in without_script
    assert not re.search(r"(?:src|href)=|url\(|@import", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    assert page.text.count(f'nonce="{nonce[1]}"') == 2
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    kept = await sql.fetch("SELECT state_hash, code_hash FROM authorization_requests")
    assert all(back["state"].encode() not in row["state_hash"] for row in kept)
    assert all(back["code"].encode() not in row["code_hash"] for row in kept)


async def test_what_a_browser_brings_is_shown_as_text(config_api: ConfigApi, provider: Provider) -> None:
    application = await an_application(config_api.admin, provider)
    back = provider.consent(await begun(config_api.admin, application["id"]))
    page = await come_back(config_api, state=back["state"], code="<img src=x onerror=alert(1)>")
    assert "<img" not in page.text
    assert "&lt;img" in page.text


async def test_a_sign_in_for_an_account_authorizes_it_directly(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider, code=False)
    assert account["authorization_state"] == "not_authorized"
    url = await begun(config_api.admin, account["oauth_application_id"], account_id=account["id"])
    page = await come_back(config_api, **provider.consent(url, "owner@shop.test"))
    assert page.status_code == 200
    assert "owner@shop.test" in page.text
    assert "textarea" not in page.text.split("</style>")[1]
    read = (await config_api.admin.get(f"/accounts/{account['id']}")).json()
    assert (read["authorization_state"], read["authorized_user_name"]) == ("authorized", "owner@shop.test")


async def test_a_sign_in_that_brings_no_lasting_access_changes_nothing(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider, code=False)
    url = await begun(config_api.admin, account["oauth_application_id"], account_id=account["id"])
    back = provider.consent(url)
    provider.codes[back["code"]].used = True
    page = await come_back(config_api, **back)
    assert page.status_code == 400
    assert "redeemed already" in page.text
    read = (await config_api.admin.get(f"/accounts/{account['id']}")).json()
    assert read["authorization_state"] == "not_authorized"


async def _ending(service: ConfigApi, **query: str) -> str:
    page = await come_back(service, **query)
    assert page.status_code == 400
    assert page.headers["content-type"].startswith("text/html")
    assert "sign-in" in page.text
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None
    return found[1]


async def test_each_other_ending_has_a_page_that_says_what_to_do(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]

    async def state() -> str:
        return provider.consent(await begun(config_api.admin, application))["state"]

    denied = {"error": "access_denied", "error_description": "AADSTS65004: the user declined."}
    assert await _ending(config_api, state=await state(), **denied) == "Access was not granted"
    refused = {"error": "server_error", "error_description": "AADSTS50011: redirect mismatch"}
    assert await _ending(config_api, state=await state(), **refused) == "The sign-in failed"
    assert await _ending(config_api, state="never-given", code="x") == "This sign-in is not known here"
    assert await _ending(config_api) == "This sign-in is not known here"
    assert await _ending(config_api, state=await state()) == "The identity provider sent no code"
    spent = provider.consent(await begun(config_api.admin, application))
    assert (await come_back(config_api, **spent)).status_code == 200
    assert await _ending(config_api, **spent) == "This sign-in was used already"
    late = provider.consent(await begun(config_api.admin, application))
    clock.advance(minutes=16)
    assert await _ending(config_api, **late) == "This sign-in has expired"


async def test_an_account_of_another_application_is_not_signed_in_for(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider, code=False)
    other = await an_application(config_api.admin, provider)
    for account_id in (account["id"], 999):
        refused = await config_api.admin.post(
            f"/oauth-applications/{other['id']}/authorization-requests", json={"account_id": account_id}
        )
        assert fields_of(refused) == ["account_id"]


async def test_a_provider_may_post_its_answer(config_api: ConfigApi, provider: Provider) -> None:
    application = await an_application(config_api.admin, provider)
    back = provider.consent(await begun(config_api.admin, application["id"]))
    page = await config_api.api.post("http://config-api/oauth/callback", data=back)
    assert page.status_code == 200
    assert f">{back['code']}</textarea>" in page.text
    again = await config_api.api.post("http://config-api/oauth/callback", data=back)
    assert (again.status_code, "was used already" in again.text) == (400, True)
    for nonsense in (b"", b"&" * 10_000, b"state=%ff%00&code=%00", b'{"state": "x"}'):
        page = await config_api.api.post("http://config-api/oauth/callback", content=nonsense)
        assert (page.status_code, page.headers["content-type"][:9]) == (400, "text/html")
        assert "is not known here" in page.text


async def test_what_strangers_post_is_held_in_memory_as_far_as_a_providers_answer_goes(config_api: ConfigApi) -> None:
    """No token is asked for at the callback, so anybody may send anything there."""
    url, too_much = "http://config-api/oauth/callback", b"state=" + b"x" * MAXIMUM_OF_STRANGERS

    async def in_pieces() -> AsyncIterator[bytes]:
        yield too_much

    told = await config_api.api.post(url, content=too_much)
    counted = await config_api.api.post(url, content=in_pieces())
    assert [one.status_code for one in (told, counted)] == [413, 413]


async def test_an_answer_that_names_another_provider_is_refused(config_api: ConfigApi, provider: Provider) -> None:
    """A code of an honest provider must not be redeemed with the one that lured somebody there."""
    application = await an_application(config_api.admin, provider)
    back = provider.consent(await begun(config_api.admin, application["id"]))
    assert await _ending(config_api, **back, iss="https://honest.test") == (
        "This answer is of another identity provider"
    )
    own = provider.consent(await begun(config_api.admin, application["id"]))
    assert (await come_back(config_api, **own, iss=provider.issuer)).status_code == 200


@pytest.mark.rule(158, 161, 166)
async def test_a_departments_own_administrator_signs_in_for_its_accounts_and_for_no_others(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    other = await a_department(config_api.admin)
    path = f"/oauth-applications/{account['oauth_application_id']}"

    async def limited(department_id: int) -> httpx.AsyncClient:
        body = {"name": f"of {department_id}", "kind": "administrator", "department_ids": [department_id]}
        return config_api.client((await config_api.admin.post("/tokens", json=body)).json()["token"])

    own, foreign = await limited(account["department_id"]), await limited(other)
    asked = {"account_id": account["id"]}
    assert (await own.post(f"{path}/authorization-requests", json=asked)).status_code == 201
    assert fields_of(await foreign.post(f"{path}/authorization-requests", json=asked)) == ["account_id"]
    assert (await foreign.post(f"{path}/authorization-requests", json={})).status_code == 201
    assert SECRET not in (await foreign.get(path)).text
    for refused in (
        await own.patch(path, json={"name": "Mine"}),
        await own.delete(path),
        await own.post(f"{path}/verify"),
    ):
        assert refused.status_code == 403


@pytest.mark.rule(167, 168)
async def test_the_address_that_a_browser_was_sent_back_to_is_taken_for_its_code(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = await an_application(config_api.admin, provider)
    code = await a_code(config_api, provider, application["id"])
    path = f"/departments/{await a_department(config_api.admin)}/accounts"
    body = {"account_name": "Pasted", "oauth_application_id": application["id"]}
    bare = await config_api.admin.post(path, json={**body, "authorization_code": f"{REDIRECT}?state=x"})
    assert fields_of(bare) == ["authorization_code"]
    assert "is an address without a code" in bare.text
    address = f"{REDIRECT}?{urlencode({'code': code, 'state': 'x'})}\n"
    made = await config_api.admin.post(path, json={**body, "authorization_code": address})
    assert made.status_code == 201, made.text
    assert made.json()["authorization_state"] == "authorized"
