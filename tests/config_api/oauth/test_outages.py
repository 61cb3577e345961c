"""While the provider is away nothing is half done, everybody hears why, and what was not used up stays good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.config_api.builders import a_department
from tests.config_api.oauth.builders import a_code, an_account, an_application, begun, come_back
from tests.config_api.oauth.provider import Provider, Reply
from tests.config_api.process import ConfigApi

THROTTLED = Reply(429, b"slow down", {"Retry-After": "120"})


def _body(application: int, **changes: Any) -> dict[str, Any]:
    return {"account_name": "Support", "oauth_application_id": application, **changes}


@asynccontextmanager
async def _without(sql: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """The schema is not looked after between tests: it is put back whatever happens."""
    await sql.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        yield
    finally:
        await sql.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


async def test_a_sign_in_does_not_begin_while_nobody_listens_at_the_provider(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    provider.close()
    path = f"/oauth-applications/{application}"
    answer = await config_api.admin.post(f"{path}/authorization-requests", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unreachable")
    assert f"localhost:{provider.port}" in answer.json()["detail"]
    assert await sql.fetchval("SELECT count(*) FROM authorization_requests") == 0
    steps = {one["step"]: one for one in (await config_api.admin.post(f"{path}/verify")).json()["steps"]}
    assert f"localhost:{provider.port}" in steps["discovery"]["detail"]
    assert steps["credentials"]["outcome"] == "skipped"


@pytest.mark.parametrize("outage", [Reply(503, b"away"), THROTTLED, Reply(200, b"<html>a captive portal</html>")])
async def test_an_account_is_saved_with_the_same_code_once_the_provider_answers(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection, outage: Reply
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    code = await a_code(config_api, provider, application)
    path = f"/departments/{await a_department(config_api.admin)}/accounts"
    provider.outage = outage
    for change in ({"authorization_code": code}, {"authentication_flow": "client_credentials"}):
        answer = await config_api.admin.post(path, json=_body(application, **change))
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_unreachable")
        assert f"answered {outage.status}" in answer.json()["detail"]
        assert answer.headers.get("retry-after") == outage.headers.get("Retry-After")
        assert code not in answer.text
    assert await sql.fetchval("SELECT count(*) FROM accounts") == 0
    provider.outage = None
    made = await config_api.admin.post(path, json=_body(application, authorization_code=code))
    assert made.json()["authorization_state"] == "authorized"


async def test_a_change_with_a_code_leaves_the_account_as_it_was_and_the_code_good(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider)
    path = f"/accounts/{account['id']}"
    change = {
        "authorization_code": await a_code(config_api, provider, account["oauth_application_id"]),
        "account_description": "another",
    }
    provider.outage = THROTTLED
    assert (await config_api.admin.patch(path, json=change)).status_code == 503
    assert (await config_api.admin.get(path)).json() == account
    provider.outage = None
    assert (await config_api.admin.patch(path, json=change)).json()["account_description"] == "another"


@pytest.mark.rule(142)
async def test_a_sign_in_for_an_account_that_cannot_be_ended_now_shows_the_code_to_be_used_later(
    config_api: ConfigApi, provider: Provider
) -> None:
    account = await an_account(config_api, provider, code=False)
    url = await begun(config_api.admin, account["oauth_application_id"], account_id=account["id"])
    back = provider.consent(url)
    provider.outage = Reply(503, b"away")
    page = await come_back(config_api, **back)
    assert page.status_code == 503
    assert "not authorized yet" in page.text
    assert f">{back['code']}</textarea>" in page.text
    provider.outage = None
    patched = await config_api.admin.patch(f"/accounts/{account['id']}", json={"authorization_code": back["code"]})
    assert patched.json()["authorization_state"] == "authorized"


async def test_a_database_that_fails_under_the_callback_is_told_on_a_page_and_spends_no_state(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    back = provider.consent(await begun(config_api.admin, application))
    async with _without(sql, "authorization_requests"):
        page = await come_back(config_api, **back)
    assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
    assert back["code"] not in page.text
    assert (await come_back(config_api, **back)).status_code == 200


async def test_a_database_that_fails_once_the_state_is_spent_leaves_the_code_to_go_on_with(
    config_api: ConfigApi, provider: Provider, sql: asyncpg.Connection
) -> None:
    account = await an_account(config_api, provider, code=False)
    url = await begun(config_api.admin, account["oauth_application_id"], account_id=account["id"])
    back = provider.consent(url)
    async with _without(sql, "accounts"):
        page = await come_back(config_api, **back)
    assert (page.status_code, page.headers["content-type"][:9]) == (503, "text/html")
    assert "database does not answer" in page.text
    assert f">{back['code']}</textarea>" in page.text
    change = {"authorization_code": back["code"]}
    patched = await config_api.admin.patch(f"/accounts/{account['id']}", json=change)
    assert patched.json()["authorization_state"] == "authorized"


async def test_a_token_endpoint_that_nobody_serves_is_named_with_the_networks_own_words(
    config_api: ConfigApi, provider: Provider
) -> None:
    application = (await an_application(config_api.admin, provider))["id"]
    provider.document_changes["token_endpoint"] = "https://localhost:1/token"
    code = await a_code(config_api, provider, application)
    path = f"/departments/{await a_department(config_api.admin)}/accounts"
    answer = await config_api.admin.post(path, json=_body(application, authorization_code=code))
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unreachable")
    assert answer.json()["detail"].startswith("localhost:1: ")
    assert "refused" in answer.json()["detail"] or "failed" in answer.json()["detail"]
