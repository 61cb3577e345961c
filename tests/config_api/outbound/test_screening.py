"""What leaves is looked at too: blocked files are refused or left out, sensitive data is masked."""

import base64
import io
import zipfile
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.mail_in import Mailbox
from tests.config_api.outbound.conftest import Dispatcher

CARD = "4111111111111111"


def _zipped(name: str) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, b"MZ")
    return base64.b64encode(packed.getvalue()).decode()


def _files() -> list[dict[str, Any]]:
    return [
        {"name": "report.pdf", "content_base64": base64.b64encode(b"%PDF-1.4").decode()},
        {"name": "tools.zip", "content_base64": _zipped("setup.exe")},
    ]


async def _blocking(admin: httpx.AsyncClient, mailbox: Mailbox, **settings: Any) -> None:
    department = mailbox.alias["department_id"]
    exe = {"name": "Programs", "blocked_file_extension": ".exe"}
    assert (await admin.post(f"/departments/{department}/blocked-file-extensions", json=exe)).status_code == 201
    assert (await admin.patch(f"/departments/{department}/settings", json=settings)).status_code == 200


async def _reply(admin: httpx.AsyncClient, mail: int, **fields: Any) -> httpx.Response:
    return await admin.post(f"/activities/{mail}/replies", json={"text": "Here.", **fields})


BOTH = {"email_for_scan": "both_inbound_and_outbound_emails"}


@pytest.mark.rule(218, 220, 224)
async def test_a_blocked_file_is_refused_by_name_and_nothing_is_sent(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int, dispatcher: Dispatcher
) -> None:
    await _blocking(admin, mailbox, **BOTH)
    refused = await _reply(admin, mail, attachments=_files())
    assert (refused.status_code, refused.json()["code"]) == (422, "attachment_blocked")
    (error,) = refused.json()["errors"]
    assert error["field"] == "attachments.1"
    assert "tools.zip > setup.exe" in error["problem"]
    assert await dispatcher.claim() == []


@pytest.mark.rule(219, 221, 223, 225)
@pytest.mark.parametrize("settings", [{}, {"block_all_attachments": True}])
async def test_incoming_mail_alone_is_scanned_unless_both_are(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int, settings: dict[str, Any]
) -> None:
    await _blocking(admin, mailbox, email_for_scan="inbound_emails_only", **settings)
    sent = await _reply(admin, mail, attachments=_files())
    assert sent.status_code == 201, sent.text
    assert [one["state"] for one in sent.json()["attachments"]] == ["available", "available"]


@pytest.mark.rule(226)
async def test_where_all_are_blocked_in_both_directions_none_leaves(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int
) -> None:
    await _blocking(admin, mailbox, **BOTH, block_all_attachments=True)
    refused = await _reply(admin, mail, attachments=_files())
    assert [one["field"] for one in refused.json()["errors"]] == ["attachments.0", "attachments.1"]


@pytest.mark.rule(220, 228)
@pytest.mark.parametrize(("action", "state"), [("quarantine", "quarantined"), ("delete", "deleted")])
async def test_where_it_is_stripped_the_sender_sees_it_and_the_rest_goes_out(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int, dispatcher: Dispatcher, *, action: str, state: str
) -> None:
    await _blocking(
        admin, mailbox, **BOTH, outgoing_blocked_attachments="strip", action_on_blocked_attachments=action
    )
    sent = await _reply(admin, mail, attachments=_files())
    assert sent.status_code == 201, sent.text
    assert [one["state"] for one in sent.json()["attachments"]] == ["available", state]
    claimed = await dispatcher.claim_one()
    assert [one["name"] for one in claimed["attachments"]] == ["report.pdf"]
    path = f"/departments/{mailbox.alias['department_id']}/blocked-attachments"
    listed = (await admin.get(path)).json()["items"]
    assert [(one["direction"], one["name"]) for one in listed] == (
        [("outbound", "tools.zip")] if action == "quarantine" else []
    )


async def _masking(admin: httpx.AsyncClient, **channel: Any) -> None:
    pattern = {"name": "Cards", "java_regular_expression": r"\d{16}", "unmask_from_right": 4}
    made = await admin.post("/masking-patterns", json=pattern)
    changed = await admin.patch("/masking-channel", json={"pattern_ids": [made.json()["id"]], **channel})
    assert changed.status_code == 200, changed.text


@pytest.mark.rule(30, 31, 37)
async def test_outgoing_text_is_masked_before_it_is_stored_or_sent(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher, sql: asyncpg.Connection
) -> None:
    await _masking(admin, mask_outgoing=True)
    html = f"<p>Card <b>{CARD[:8]}</b>{CARD[8:]}</p>"
    sent = await _reply(admin, mail, text=f"Card {CARD}", html=html, subject=f"About {CARD}")
    assert sent.status_code == 201, sent.text
    claimed = await dispatcher.claim_one()
    for shown in (sent.json(), claimed):
        assert shown["text"] == "Card ************1111"
        assert shown["subject"] == "About ************1111"
        assert CARD[:8] not in shown["html"]
    stored = await sql.fetch("SELECT a::text AS row FROM activities a UNION ALL SELECT e::text FROM events e"
                             " UNION ALL SELECT l::text FROM audit_log l")  # fmt: skip
    assert not any(CARD in row["row"] for row in stored)


@pytest.mark.rule(30, 31)
async def test_a_number_in_the_name_of_a_file_is_masked_too(
    admin: httpx.AsyncClient, mailbox: Mailbox, mail: int, sql: asyncpg.Connection
) -> None:
    await _masking(admin, mask_outgoing=True)
    await _blocking(admin, mailbox, **BOTH, outgoing_blocked_attachments="strip")
    names = f"{CARD}.pdf", f"{CARD}.exe"
    files = [{"name": name, "content_base64": base64.b64encode(b"x").decode()} for name in names]
    sent = await _reply(admin, mail, attachments=files)
    assert [one["name"] for one in sent.json()["attachments"]] == ["************1111.pdf", "************1111.exe"]
    stored = await sql.fetch(
        "SELECT a::text AS row FROM attachments a UNION ALL SELECT b::text FROM blocked_attachments b"
    )
    assert not any(CARD in row["row"] for row in stored)


@pytest.mark.rule(30)
async def test_what_cannot_be_masked_in_time_is_refused_and_no_customer_gets_a_note_instead(
    admin: httpx.AsyncClient, mail: int, dispatcher: Dispatcher
) -> None:
    endless = {"name": "Endless", "java_regular_expression": r"(?=x)(?:x+x+)+y"}
    made = await admin.post("/masking-patterns", json=endless)
    await admin.patch("/masking-channel", json={"pattern_ids": [made.json()["id"]], "mask_outgoing": True})
    refused = await _reply(admin, mail, text="x" * 5000)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_masked")
    assert refused.json()["errors"] == [
        {"field": "text", "problem": "could not be masked: the pattern Endless took too long"}
    ]
    assert await dispatcher.claim() == []


@pytest.mark.rule(37)
async def test_with_outgoing_masking_off_nothing_is_changed(admin: httpx.AsyncClient, mail: int) -> None:
    await _masking(admin, mask_incoming=True)
    sent = await _reply(admin, mail, text=f"Card {CARD}")
    assert sent.json()["text"] == f"Card {CARD}"
