"""Deletion of aliases: what refuses it, what stays."""

import asyncpg
import httpx
import pytest

from tests.config_api.builders import ESMTP, alias_body, an_alias


@pytest.mark.rule(110, 117)
async def test_a_deleted_alias_is_gone_from_everywhere_and_its_address_is_free_again(
    admin: httpx.AsyncClient,
) -> None:
    alias = await an_alias(admin)
    path, listing = f"/aliases/{alias['id']}", f"/departments/{alias['department_id']}/aliases"
    assert (await admin.delete(path)).status_code == 204
    for gone in (await admin.get(path), await admin.delete(path), await admin.patch(path, json={"name": "x"}),
                 await admin.get(f"{path}/status-transitions")):  # fmt: skip
        assert gone.status_code == 404
    assert (await admin.get(listing)).json()["items"] == []
    again = alias_body(name=alias["name"], email_address=alias["email_address"])
    assert (await admin.post(listing, json=again)).status_code == 201


@pytest.mark.rule(114)
async def test_its_address_stays_for_mail_under_way_and_its_secrets_do_not(
    admin: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    alias = await an_alias(admin, outgoing=ESMTP)
    await admin.delete(f"/aliases/{alias['id']}")
    row = await sql.fetchrow("SELECT email_address, incoming_password, outgoing_password, deleted_at FROM aliases")
    assert row is not None
    assert row["email_address"] == alias["email_address"]
    assert (row["incoming_password"], row["outgoing_password"]) == (None, None)
    assert row["deleted_at"] is not None


@pytest.mark.rule(111)
async def test_the_default_alias_is_not_deleted(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, default_alias=True)
    refused = await admin.delete(f"/aliases/{alias['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "default_alias")
    assert [(one["type"], one["id"]) for one in refused.json()["references"]] == [
        ("department", alias["department_id"])
    ]


@pytest.mark.rule(112)
async def test_an_alias_in_a_retriever_instance_is_not_deleted_until_it_is_taken_out(
    admin: httpx.AsyncClient,
) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    path = f"/aliases/{alias['id']}"
    refused = await admin.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "still_referenced")
    assert refused.json()["references"] == [{"type": "retriever_instance", "id": 1, "name": "default"}]
    await admin.patch("/retriever-instances/1", json={"alias_ids": []})
    assert (await admin.delete(path)).status_code == 204


async def test_a_deleted_alias_leaves_its_dispatcher_instances(admin: httpx.AsyncClient) -> None:
    alias = await an_alias(admin)
    made = await admin.post("/dispatcher-instances", json={"name": "blue", "alias_ids": [alias["id"]]})
    await admin.delete(f"/aliases/{alias['id']}")
    assert (await admin.get(f"/dispatcher-instances/{made.json()['id']}")).json()["alias_ids"] == []


async def test_the_feed_and_the_audit_log_tell_of_it(admin: httpx.AsyncClient, sql: asyncpg.Connection) -> None:
    alias = await an_alias(admin)
    await admin.patch(f"/aliases/{alias['id']}", json={"description": "x"})
    await admin.delete(f"/aliases/{alias['id']}")
    subject = f"alias/{alias['id']}"
    told = ["alias.created", "alias.changed", "alias.deleted"]
    for table, column in (("events", "type"), ("audit_log", "action")):
        rows = await sql.fetch(f"SELECT {column} FROM {table} WHERE subject = $1 ORDER BY id", subject)
        assert [row[0] for row in rows] == told
