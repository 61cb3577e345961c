"""Department settings: inherited, and overridden where the partition lets departments."""

import httpx
import pytest

DESTINATION = "use_default_alias_of_destination_department"


@pytest.fixture
async def path(admin: httpx.AsyncClient) -> str:
    made = await admin.post("/departments", json={"name": "Sales"})
    return f"/departments/{made.json()['id']}/settings"


async def test_a_department_starts_with_the_defaults(admin: httpx.AsyncClient, path: str) -> None:
    assert (await admin.get(path)).json() == {
        "from_on_transfer": "do_not_change",
        "email_for_scan": "inbound_emails_only",
        "block_all_attachments": False,
        "action_on_blocked_attachments": "quarantine",
        "encrypted_archives": "block",
        "outgoing_blocked_attachments": "refuse",
        "overrides": [],
    }


async def test_a_department_inherits_until_it_overrides_and_null_goes_back(
    admin: httpx.AsyncClient, path: str
) -> None:
    await admin.patch("/settings", json={"from_on_transfer": DESTINATION})
    assert (await admin.get(path)).json()["from_on_transfer"] == DESTINATION

    own = (await admin.patch(path, json={"from_on_transfer": "do_not_change"})).json()
    assert (own["from_on_transfer"], own["overrides"]) == ("do_not_change", ["from_on_transfer"])

    back = (await admin.patch(path, json={"from_on_transfer": None})).json()
    assert (back["from_on_transfer"], back["overrides"]) == (DESTINATION, [])


async def test_what_the_partition_keeps_for_itself_cannot_be_overridden(admin: httpx.AsyncClient, path: str) -> None:
    await admin.patch(path, json={"from_on_transfer": DESTINATION})
    await admin.patch("/settings", json={"departments_may_override": []})

    assert (await admin.get(path)).json()["from_on_transfer"] == "do_not_change"
    refused = await admin.patch(path, json={"from_on_transfer": DESTINATION})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "from_on_transfer"
    assert (await admin.patch(path, json={"block_all_attachments": True})).status_code == 200
    assert (await admin.patch(path, json={"from_on_transfer": None})).status_code == 200


async def test_one_department_does_not_see_the_settings_of_another(admin: httpx.AsyncClient, path: str) -> None:
    other = (await admin.post("/departments", json={"name": "Support"})).json()["id"]
    await admin.patch(path, json={"block_all_attachments": True, "action_on_blocked_attachments": "delete"})
    theirs = (await admin.get(f"/departments/{other}/settings")).json()
    assert (theirs["block_all_attachments"], theirs["action_on_blocked_attachments"]) == (False, "quarantine")


async def test_the_etag_changes_with_the_partitions_settings_too(admin: httpx.AsyncClient, path: str) -> None:
    seen = (await admin.get(path)).headers["ETag"]
    await admin.patch("/settings", json={"from_on_transfer": DESTINATION})
    late = await admin.patch(path, json={"block_all_attachments": True}, headers={"If-Match": seen})
    assert late.status_code == 412
    now = (await admin.get(path)).headers["ETag"]
    done = await admin.patch(path, json={"block_all_attachments": True}, headers={"If-Match": now})
    assert (done.status_code, done.headers["ETag"]) == (200, (await admin.get(path)).headers["ETag"])


async def test_a_department_that_is_not_there_has_no_settings(admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/departments/4711/settings")).status_code == 404
    assert (await admin.patch("/departments/4711/settings", json={})).status_code == 404


async def test_settings_go_with_their_department(admin: httpx.AsyncClient, path: str) -> None:
    await admin.patch(path, json={"block_all_attachments": True})
    assert (await admin.delete(path.removesuffix("/settings"))).status_code == 204
