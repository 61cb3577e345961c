"""Partition settings: defaults, ranges, the secret, and who may see what."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import fields_of
from tests.config_api.process import ConfigApi

MIB = 1024 * 1024
DEFAULTS = {
    "default_smtp_server": None,
    "default_smtp_protocol": "SMTP",
    "default_smtp_port": 25,
    "smtp_flag": "never",
    "default_smtp_user_name": None,
    "default_smtp_password_set": False,
    "web_server_url": None,
    "attachments_allowed": [],
    "attachments_blocked": [],
    "maximum_email_size": 25 * MIB,
    "action_for_large_email": "skip_and_notify",
    "maximum_body_size": MIB,
    "message_note_for_large_body": "Email body was too large. It is saved as an attachment",
    "connection_attempts": 3,
    "retry_after_seconds": 600,
    "poll_interval_seconds": 30,
    "from_on_transfer": "do_not_change",
    "uncertain_delivery": "hold",
    "bounce_evidence": "delivery_status_first",
    "events_kept_days": 365,
}


async def patched(admin: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await admin.patch("/settings", json=changes)


@pytest.mark.rule(45, 115, 121, 124)
async def test_every_setting_starts_with_its_default(admin: httpx.AsyncClient) -> None:
    settings = (await admin.get("/settings")).json()
    assert {name: settings[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.rule(115)
async def test_the_six_smtp_settings_are_set_together_and_the_password_is_not_told(admin: httpx.AsyncClient) -> None:
    six = {
        "default_smtp_server": "relay.example.com",
        "default_smtp_protocol": "ESMTP",
        "default_smtp_port": 2525,
        "smtp_flag": "when_authorization_fails",
        "default_smtp_user_name": "relay",
        "default_smtp_password": "correct horse",
    }
    answer = await patched(admin, **six)
    assert answer.status_code == 200
    told = {name: value for name, value in six.items() if name != "default_smtp_password"}
    assert told.items() <= answer.json().items()
    assert answer.json()["default_smtp_password_set"] is True
    assert "correct horse" not in answer.text


async def test_null_restores_the_default_and_a_field_left_out_stays(admin: httpx.AsyncClient) -> None:
    await patched(admin, connection_attempts=5, retry_after_seconds=60)
    settings = (await patched(admin, connection_attempts=None)).json()
    assert (settings["connection_attempts"], settings["retry_after_seconds"]) == (3, 60)


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("default_smtp_port", 1, 65535),
        ("maximum_email_size", 1024, 150 * MIB),
        ("maximum_body_size", 10 * 1024, 10 * MIB),
        ("retriever_batch_size", 1, 250),
        ("connection_attempts", 1, 100),
        ("retry_after_seconds", 1, 86_400),
        ("poll_interval_seconds", 1, 86_400),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_numbers_are_taken_within_their_range_only(shared: ConfigApi, field: str, low: int, high: int) -> None:
    admin = shared.admin
    for value in (low, high):
        assert (await patched(admin, **{field: value})).json()[field] == value
    for value in (low - 1, high + 1, 10**40, "many"):
        refused = await patched(admin, **{field: value})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("web_server_url", "http://mail.example.com"),
        ("web_server_url", "https://"),
        ("web_server_url", "https://[::1"),
        ("default_smtp_server", "not a host"),
        ("default_smtp_password", ""),
        ("default_smtp_password", "x" * 1025),
        ("notification_to_address", "nobody"),
        ("departments_may_override", ["default_smtp_server"]),
        ("colour", "red"),
        ("default_smtp_user_name", "a\x00b"),
        ("message_note_for_large_body", "n" * 256),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_wrong_is_named(shared: ConfigApi, field: str, value: object) -> None:
    refused = await patched(shared.admin, **{field: value})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].startswith(field)


async def test_nul_in_a_list_is_refused_before_the_database_sees_it(admin: httpx.AsyncClient) -> None:
    assert (await patched(admin, attachments_blocked=[".e\x00xe"])).status_code == 422


@pytest.mark.rule(208, 209, 210)
@pytest.mark.parametrize("wrong", ["*", "*.*", " ", "a/b", "../x", "x.", "a*"])
async def test_what_no_file_name_ends_in_is_refused_by_its_place(admin: httpx.AsyncClient, wrong: str) -> None:
    """An administrator who typed it would believe that it blocks something."""
    for name in ("attachments_blocked", "attachments_allowed"):
        assert fields_of(await patched(admin, **{name: ["exe", wrong]})) == [f"{name}.1"]
    assert (await admin.get("/settings")).json()["attachments_blocked"] == []


@pytest.mark.parametrize("moved", [{"default_smtp_server": "evil.example"}, {"default_smtp_port": 2626}])
async def test_a_stored_password_is_never_sent_to_another_place(
    admin: httpx.AsyncClient, moved: dict[str, Any]
) -> None:
    await patched(admin, default_smtp_server="relay.example.com", default_smtp_password="correct horse")
    refused = await patched(admin, **moved)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "default_smtp_password"
    assert (await patched(admin, **moved, default_smtp_password="another")).status_code == 200
    assert (await patched(admin, default_smtp_server="third.example", default_smtp_password=None)).status_code == 200
    assert (await admin.get("/settings")).json()["default_smtp_password_set"] is False


async def test_the_password_lies_sealed_in_the_database_and_nowhere_else(
    admin: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    await patched(admin, default_smtp_server="relay.example.com", default_smtp_password="correct horse")
    for table in ("settings", "events", "audit_log"):
        rows = await sql.fetch(f"SELECT t::text AS line FROM {table} t")
        assert rows
        assert not [row for row in rows if "correct horse" in row["line"]]
    audit = await sql.fetchval("SELECT changes->>'default_smtp_password' FROM audit_log")
    assert audit == "changed"


async def test_a_change_to_what_someone_else_changed_meanwhile_is_refused(admin: httpx.AsyncClient) -> None:
    seen = (await admin.get("/settings")).headers["ETag"]
    first = await admin.patch("/settings", json={"connection_attempts": 4}, headers={"If-Match": seen})
    assert first.headers["ETag"] != seen
    late = await admin.patch("/settings", json={"connection_attempts": 9}, headers={"If-Match": seen})
    assert late.status_code == 412
    assert (await admin.get("/settings")).json()["connection_attempts"] == 4


async def test_only_administrators_see_settings(api: httpx.AsyncClient, worker: httpx.AsyncClient) -> None:
    assert (await api.get("/settings")).status_code == 401
    assert (await worker.get("/settings")).status_code == 403
