"""OAuth applications: what they take, what they never show, what keeps them."""

from typing import Any

import asyncpg
import httpx
import pytest

from config_api.oauth_applications.providers import MICROSOFT_CLOUDS
from tests.config_api.builders import fields_of
from tests.config_api.oauth.builders import an_account, an_application, application_body
from tests.config_api.oauth.provider import SECRET, Provider
from tests.config_api.process import ConfigApi


@pytest.mark.rule(147, 150, 151, 163)
async def test_an_application_of_microsoft_needs_ids_and_a_secret_and_knows_its_servers(
    admin: httpx.AsyncClient,
) -> None:
    made = await an_application(admin)
    assert (made["provider"], made["endpoint"]) == ("microsoft_office_365", "worldwide")
    assert made["servers"]["imap"] == {
        "host": "outlook.office365.com",
        "port": 993,
        "use_ssl": True,
        "scopes": ["https://outlook.office.com/IMAP.AccessAsUser.All"],
    }
    assert made["servers"]["smtp"]["host"] == "smtp.office365.com"
    listed = (await admin.get("/oauth-applications")).json()["items"]
    assert listed == [made]


@pytest.mark.rule(148, 149)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": None}, "name"),
        ({"client_id": None}, "client_id"),
        ({"tenant_id": None}, "tenant_id"),
        ({"client_secret": None}, "client_secret"),
        ({"tenant_id": "common"}, "tenant_id"),
        ({"tenant_id": "../x"}, "tenant_id"),
        ({"issuer": "https://login.shop.test/realm"}, "issuer"),
        ({"provider": "custom", "tenant_id": None}, "issuer"),
        ({"provider": "gmail"}, "provider"),
        ({"endpoint": "mars"}, "endpoint"),
        ({"certificate": {"private_key": "x", "certificate": "y"}, "client_secret": None}, "certificate.certificate"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(
    admin: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    answer = await admin.post("/oauth-applications", json=application_body(**changes))
    assert field in fields_of(answer)


@pytest.mark.rule(152)
async def test_the_secret_is_sealed_and_never_shown(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> None:
    made = await admin.post("/oauth-applications", json=application_body())
    read = await admin.get(f"/oauth-applications/{made.json()['id']}")
    assert read.json()["client_secret_set"] is True
    assert SECRET not in made.text + read.text
    sealed: bytes = (await sql.fetch("SELECT client_secret FROM oauth_applications"))[0]["client_secret"]
    assert SECRET.encode() not in sealed


@pytest.mark.rule(140, 143, 145)
async def test_a_stored_secret_does_not_follow_to_another_tenant(admin: httpx.AsyncClient) -> None:
    path = f"/oauth-applications/{(await an_application(admin))['id']}"
    assert fields_of(await admin.patch(path, json={"tenant_id": "other.test"})) == ["client_secret"]
    assert fields_of(await admin.patch(path, json={"endpoint": "china"})) == ["client_secret"]
    moved = await admin.patch(path, json={"endpoint": "china", "client_secret": "another"})
    assert moved.json()["servers"]["imap"]["host"] == "partner.outlook.cn"
    assert (await admin.patch(path, json={"description": "new"})).status_code == 200
    assert fields_of(await admin.patch(path, json={"client_secret": None})) == ["client_secret"]


async def test_moving_a_custom_providers_server_needs_the_secret_again(
    admin: httpx.AsyncClient, provider: Provider
) -> None:
    made = await an_application(admin, provider)
    path = f"/oauth-applications/{made['id']}"
    servers = made["servers"]
    servers["smtp"]["scopes"] = ["smtp", "more"]
    assert (await admin.patch(path, json={"servers": servers})).status_code == 200
    servers["imap"]["host"] = "elsewhere.test"
    assert fields_of(await admin.patch(path, json={"servers": servers})) == ["client_secret"]


@pytest.mark.rule(153)
async def test_an_application_in_use_is_not_deleted(config_api: ConfigApi, provider: Provider) -> None:
    account = await an_account(config_api, provider)
    path = f"/oauth-applications/{account['oauth_application_id']}"
    refused = await config_api.admin.delete(path)
    assert refused.status_code == 409
    assert refused.json()["references"] == [{"type": "account", "id": account["id"], "name": account["account_name"]}]
    assert (await config_api.admin.delete(f"/accounts/{account['id']}")).status_code == 204
    assert (await config_api.admin.delete(path)).status_code == 204
    assert (await config_api.admin.get(path)).status_code == 404


async def test_names_are_unique_and_changes_need_the_etag_they_name(admin: httpx.AsyncClient) -> None:
    one, other = await an_application(admin), await an_application(admin)
    taken = await admin.patch(f"/oauth-applications/{other['id']}", json={"name": one["name"]})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    stale = await admin.patch(
        f"/oauth-applications/{one['id']}", json={"description": "x"}, headers={"If-Match": '"99"'}
    )
    assert stale.status_code == 412


@pytest.mark.rule(146, 138)
def test_every_cloud_has_scopes_for_its_three_protocols() -> None:
    assert set(MICROSOFT_CLOUDS) == {"worldwide", "gcc_high", "dod", "china"}
    for cloud in MICROSOFT_CLOUDS.values():
        servers = cloud.servers
        found = [one for one in (servers.imap, servers.pop3, servers.smtp) if one is not None]
        endings = [one.scopes[0].removeprefix(f"{cloud.resource}/") for one in found]
        assert endings == ["IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send"]
