"""Accounts: fixed fields, the code redeemed on save, what keeps them, what changes cost."""

from typing import Any

import asyncpg
import pytest

from config_api.oauth_applications.discovery import NoSuchProvider, judged
from config_api.oauth_applications.providers import provider_of
from config_api.outgoing_http import Answer
from tests.config_api.builders import a_department, fields_of
from tests.config_api.oauth.builders import (
    REDIRECT,
    a_code,
    an_account,
    an_alias_in,
    an_application,
    begun,
)
from tests.config_api.oauth.provider import SECRET, Provider
from tests.config_api.process import Clock, ConfigApi


@pytest.mark.rule(158, 160, 161, 163, 165, 168, 169)
async def test_an_account_is_active_and_authorized_by_its_code_and_shows_neither_code_nor_token(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = await an_application(config_api.admin, provider)
    account = await an_account(config_api, provider, application["id"])
    assert account["status"] == "active"
    assert account["authorization_state"] == "authorized"
    assert account["authorized_user_name"] == "support@shop.test"
    assert account["address"] == "imap.shop.test"
    assert account["authentication_type"] == "oauth_2_0"
    assert "authorization_code" not in account
    second = await an_account(config_api, provider, application["id"], department_id=account["department_id"])
    listed = await config_api.admin.get(f"/departments/{account['department_id']}/accounts")
    assert [one["id"] for one in listed.json()["items"]] == [account["id"], second["id"]]
    assert not any(secret in listed.text for secret in [*provider.given, SECRET])


@pytest.mark.rule(159, 162, 164, 165)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"account_name": ""}, "account_name"),
        ({"oauth_application_id": 999}, "oauth_application_id"),
        ({"authentication_type": "basic"}, "authentication_type"),
        ({"server_type": "imap"}, "server_type"),
        ({"address": "elsewhere.test"}, "address"),
        ({"authorization_code": ""}, "authorization_code"),
        ({"authorization_code": " \n"}, "authorization_code"),
        ({"authorization_code": "two\nlines"}, "authorization_code"),
    ],
)
async def test_what_is_fixed_or_required_is_refused_by_name(
    config_api: ConfigApi, provider: Provider, changes: dict[str, Any], field: str
) -> None:
    application = await an_application(config_api.admin, provider)
    body = {"account_name": "Support", "oauth_application_id": application["id"], **changes}
    answer = await config_api.admin.post(f"/departments/{await a_department(config_api.admin)}/accounts", json=body)
    assert fields_of(answer) == [field]


async def _refused(service: ConfigApi, application: int, code: str) -> str:
    """The problem that a wrong code makes; nothing is stored."""
    department = await a_department(service.admin)
    body = {"account_name": "Support", "oauth_application_id": application, "authorization_code": code}
    answer = await service.admin.post(f"/departments/{department}/accounts", json=body)
    assert fields_of(answer) == ["authorization_code"]
    assert code not in answer.text
    assert (await service.admin.get(f"/departments/{department}/accounts")).json()["items"] == []
    return answer.json()["errors"][0]["problem"]


@pytest.mark.rule(168)
async def test_a_code_that_the_provider_refuses_is_named_with_its_reason_and_nothing_is_stored(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    assert "AADSTS70000" in await _refused(config_api, application, "code-made-up")
    code = await a_code(config_api, provider, application)
    await an_account(config_api, provider, application, code=False, authorization_code=code)
    assert "was used already" in await _refused(config_api, application, code)
    other = (await an_application(config_api.admin, provider))["id"]
    foreign = await a_code(config_api, provider, other)
    assert f"OAuth application {other}" in await _refused(config_api, application, foreign)
    elsewhere = provider.a_code("https://elsewhere.test/oauth/callback")
    assert "redirect" in await _refused(config_api, application, elsewhere)


async def test_a_wrong_secret_or_tenant_is_said_when_the_code_is_redeemed(
    config_api: ConfigApi, provider: Provider
) -> None:
    wrong = (await an_application(config_api.admin, provider, client_secret="wrong"))["id"]
    assert "invalid_client" in await _refused(config_api, wrong, await a_code(config_api, provider, wrong))
    realm = provider.issuer.replace("/realm", "/another")
    tenant = await an_application(config_api.admin, provider, issuer=realm)
    answer = await config_api.admin.post(f"/oauth-applications/{tenant['id']}/authorization-requests", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_not_found")
    assert "404" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"error_description": "AADSTS90002: No tenant.\\r\\nTrace"}', "configuration (AADSTS90002: No tenant.)"),
        (b'{"error_description": 7}', "configuration: it knows"),
        (b"[]", "configuration: it knows"),
        (b"<html>", "configuration: it knows"),
    ],
)  # fmt: skip
def test_what_a_provider_says_of_an_unknown_tenant_is_told(body: bytes, told: str) -> None:
    microsoft = provider_of(
        provider="microsoft_office_365", endpoint=None, tenant_id="a", issuer=None, servers={}, application_scopes=[]
    )
    with pytest.raises(NoSuchProvider) as refused:
        judged(microsoft, Answer(400, {}, body))
    assert told in refused.value.detail


async def test_codes_from_elsewhere_are_redeemed_with_the_sign_in_that_is_open_or_without_one(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    # Copied out of the browser's address bar: the callback page was never reached.
    never_arrived = provider.consent(await begun(config_api.admin, application))["code"]
    one = await an_account(config_api, provider, application, code=False, authorization_code=never_arrived)
    assert one["authorization_state"] == "authorized"
    by_hand = provider.a_code(REDIRECT)
    account = await an_account(config_api, provider, application, code=False)
    patched = await config_api.admin.patch(f"/accounts/{account['id']}", json={"authorization_code": by_hand})
    assert patched.json()["authorization_state"] == "authorized", patched.text


async def test_an_answer_to_somebody_elses_sign_in_is_refused(config_api: ConfigApi, provider: Provider) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    code = await a_code(config_api, provider, application)
    provider.id_token_changes = {"nonce": "another"}
    assert "nonce" in await _refused(config_api, application, code)


async def test_a_clock_that_differs_by_hours_does_not_matter(
    config_api: ConfigApi, provider: Provider, clock: Clock
) -> None:
    """Ours is years ahead in these tests; expiries are counted from when the token came."""
    provider.id_token_changes = {"iat": 1, "nbf": 4_000_000_000, "exp": 2}
    account = await an_account(config_api, provider)
    assert account["access_token_expires_at"].startswith(f"{clock():%Y-%m-%dT}13:00")


async def test_access_that_would_end_within_the_hour_is_refused(config_api: ConfigApi, provider: Provider) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    code = await a_code(config_api, provider, application)
    provider.rotate = False
    provider.refresh_tokens["known"] = provider.codes[code]
    assert "offline_access" in await _refused(config_api, application, code)


@pytest.mark.rule(161, 162)
async def test_another_application_or_server_type_needs_a_new_code(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    path = f"/accounts/{account['id']}"
    other = (await an_application(config_api.admin, provider))["id"]
    for change in ({"oauth_application_id": other}, {"server_type": "pop3_and_smtp"}):
        assert fields_of(await config_api.admin.patch(path, json=change)) == ["authorization_code"]
    code = await a_code(config_api, provider, other)
    change = {"oauth_application_id": other, "server_type": "pop3_and_smtp", "authorization_code": code}
    moved = await config_api.admin.patch(path, json=change)
    assert moved.status_code == 200, moved.text
    assert (moved.json()["address"], moved.json()["authorization_state"]) == ("pop.shop.test", "authorized")
    assert provider.token_bodies[-1]["scope"].split() == ["offline_access", "openid", "pop", "profile", "smtp"]


async def test_the_client_credentials_flow_needs_no_person(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider, code=False, authentication_flow="client_credentials")
    assert account["authorization_state"] == "authorized"
    assert account["authorized_user_name"] is None
    assert provider.token_bodies[-1]["scope"] == "mail/.default"
    refused = await config_api.admin.patch(f"/accounts/{account['id']}", json={"authorization_code": "x"})
    assert fields_of(refused) == ["authorization_code"]


@pytest.mark.rule(200, 201, 202, 205, 206)
async def test_an_account_with_aliases_is_not_deleted_and_without_them_its_tokens_go_too(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    refused = await config_api.admin.delete(f"/accounts/{account['id']}")
    assert refused.status_code == 409
    assert refused.json()["references"] == [{"type": "alias", "id": alias["id"], "name": alias["name"]}]
    assert (await config_api.admin.delete(f"/aliases/{alias['id']}")).status_code == 204
    assert (await config_api.admin.delete(f"/accounts/{account['id']}")).status_code == 204
    assert await sql.fetchval("SELECT count(*) FROM accounts") == 0


@pytest.mark.rule(158)
async def test_a_department_with_accounts_is_not_deleted(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    refused = await config_api.admin.delete(f"/departments/{account['department_id']}")
    assert [one["type"] for one in refused.json()["references"]] == ["account"]


async def test_names_are_unique_in_a_department_and_the_code_is_not_spent_on_a_taken_one(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    code = await a_code(config_api, provider, account["oauth_application_id"])
    body = {
        "account_name": account["account_name"],
        "oauth_application_id": account["oauth_application_id"],
        "authorization_code": code,
    }
    path = f"/departments/{account['department_id']}/accounts"
    taken = await config_api.admin.post(path, json=body)
    assert (taken.status_code, taken.json()["code"]) == (409, "account_name_taken")
    assert not provider.codes[code].used
    made = await config_api.admin.post(path, json={**body, "account_name": "Another"})
    assert made.status_code == 201


async def test_a_change_is_made_to_what_was_read(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    path = f"/accounts/{account['id']}"
    read = await config_api.admin.get(path)
    changed = await config_api.admin.patch(
        path, json={"account_description": "The shop's"}, headers={"If-Match": read.headers["etag"]}
    )
    assert changed.status_code == 200
    again = await config_api.admin.patch(
        path, json={"status": "inactive"}, headers={"If-Match": read.headers["etag"]}
    )
    assert again.status_code == 412
    assert fields_of(await config_api.admin.patch(path, json={"account_name": None})) == ["account_name"]


@pytest.mark.rule(192)
async def test_moving_the_application_ends_its_accounts_grants_without_sending_them_anywhere(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider)
    alias = await an_alias_in(config_api, sql, account)
    before = provider.token_requests
    path = f"/oauth-applications/{account['oauth_application_id']}"
    moved = await config_api.admin.patch(path, json={"client_id": "other", "client_secret": SECRET})
    assert moved.status_code == 200
    read = (await config_api.admin.get(f"/accounts/{account['id']}")).json()
    assert (read["authorization_state"], read["authorization_reason"]) == ("invalid", "application_changed")
    assert (await config_api.admin.get(f"/aliases/{alias['id']}")).json()["status"] == "inactive"
    assert await sql.fetchval("SELECT tokens FROM accounts") is None
    assert provider.token_requests == before
