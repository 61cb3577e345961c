"""What OAuth tests begin with: an application, a sign-in, an account, an alias in it."""

from itertools import count
from typing import Any

import asyncpg
import httpx

from config_api.accounts.keeping import TokenKeeper
from tests.config_api.builders import a_department, an_alias
from tests.config_api.oauth.provider import CLIENT, SECRET, Provider
from tests.config_api.process import ConfigApi

_numbers = count(1)
REDIRECT = "https://mail.shop.test/oauth/callback"


def application_body(provider: Provider | None = None, /, **changes: Any) -> dict[str, Any]:
    """Of the provider, or of Microsoft when there is none."""
    body: dict[str, Any] = {"name": f"Mail {next(_numbers)}", "client_id": CLIENT, "client_secret": SECRET}
    if provider is None:
        body["tenant_id"] = "d60887ce-696b-4e9a-98db-a7266a25839f"
    else:
        body |= {
            "provider": "custom",
            "issuer": provider.issuer,
            "servers": {
                "imap": {"host": "imap.shop.test", "port": 993, "scopes": ["imap"]},
                "pop3": {"host": "pop.shop.test", "port": 995, "scopes": ["pop"]},
                "smtp": {"host": "smtp.shop.test", "port": 587, "scopes": ["smtp"]},
            },
            "application_scopes": ["mail/.default"],
        }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


async def an_application(
    admin: httpx.AsyncClient, provider: Provider | None = None, /, **changes: Any
) -> dict[str, Any]:
    made = await admin.post("/oauth-applications", json=application_body(provider, **changes))
    assert made.status_code == 201, made.text
    return made.json()


async def begun(admin: httpx.AsyncClient, application_id: int, **asked: Any) -> str:
    """The authorization URL of a sign-in."""
    answer = await admin.post(f"/oauth-applications/{application_id}/authorization-requests", json=asked)
    assert answer.status_code == 201, answer.text
    return answer.json()["authorization_url"]


async def come_back(service: ConfigApi, **query: str) -> httpx.Response:
    """What the browser does at the end."""
    return await service.api.get("http://config-api/oauth/callback", params=query)


async def a_code(service: ConfigApi, provider: Provider, application_id: int) -> str:
    """Signed in, consented, and shown on the callback page."""
    back = provider.consent(await begun(service.admin, application_id))
    page = await come_back(service, **back)
    assert page.status_code == 200, page.text
    return back["code"]


async def an_account(
    service: ConfigApi, provider: Provider, application_id: int | None = None, *, code: bool = True, **changes: Any
) -> dict[str, Any]:
    """Authorized, in a department of its own unless one is named."""
    application = application_id or (await an_application(service.admin, provider))["id"]
    department = changes.pop("department_id", None) or await a_department(service.admin)
    body: dict[str, Any] = {"account_name": f"Account {next(_numbers)}", "oauth_application_id": application}
    if code:
        body["authorization_code"] = await a_code(service, provider, application)
    made = await service.admin.post(f"/departments/{department}/accounts", json={**body, **changes})
    assert made.status_code == 201, made.text
    return made.json()


async def an_alias_in(
    service: ConfigApi, sql: asyncpg.Connection, account: dict[str, Any], **changes: Any
) -> dict[str, Any]:
    alias = await an_alias(service.admin, account["department_id"], **changes)
    await sql.execute("UPDATE aliases SET account_id = $1 WHERE id = $2", account["id"], alias["id"])
    return alias


def keeper(service: ConfigApi) -> TokenKeeper:
    return TokenKeeper(service.app.state.token_tools, service.app.state.renewals)
