"""Delivery exceptions: predefined in every department, of its own beside them, and a dry run."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, fields_of

ROBOT: dict[str, Any] = {"name": "Courier", "type": "address", "phrase": "parcel-robot", "failure": "temporary"}


@pytest.fixture
async def path(admin: httpx.AsyncClient) -> str:
    return f"/departments/{await a_department(admin)}/delivery-exceptions"


async def _all(admin: httpx.AsyncClient, path: str, **filters: Any) -> list[dict[str, Any]]:
    return (await admin.get(path, params={"limit": 500, **filters})).json()["items"]


async def _made(admin: httpx.AsyncClient, path: str, **changes: Any) -> dict[str, Any]:
    answer = await admin.post(path, json={**ROBOT, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _verdict(admin: httpx.AsyncClient, path: str, **mail: Any) -> tuple[str, str | None]:
    answer = await admin.post(f"{path}/evaluate", json=mail)
    assert answer.status_code == 200, answer.text
    match = answer.json()["match"]
    return answer.json()["subtype"], match and match["phrase"]


@pytest.mark.rule(18, 253, 265, 266, 267)
async def test_every_department_begins_with_the_127_predefined_ones(admin: httpx.AsyncClient, path: str) -> None:
    found = await _all(admin, path)
    assert len(found) == 127
    assert Counter((one["type"], one["failure"]) for one in found) == {
        ("address", "temporary"): 12, ("address", "permanent"): 4,
        ("subject", "temporary"): 37, ("subject", "permanent"): 74,
    }  # fmt: skip
    assert all(one["system_provided"] and one["name"] == one["phrase"] for one in found)
    assert {one["phrase"] for one in found if (one["type"], one["failure"]) == ("address", "permanent")} == {
        "Auto-reply", "auto-sender", "Autoresponder", "supervisor",
    }  # fmt: skip


@pytest.mark.rule(19, 254, 255, 256, 257, 259)
async def test_one_of_its_own_is_made_changed_and_deleted(admin: httpx.AsyncClient, path: str) -> None:
    made = await _made(admin, path, description="Answers every mail")
    assert made["system_provided"] is False
    one = f"/delivery-exceptions/{made['id']}"
    changed = await admin.patch(one, json={"failure": "permanent", "description": None})
    assert (changed.json()["failure"], changed.json()["description"]) == ("permanent", "")
    assert await _all(admin, path, system_provided=False) == [changed.json()]
    assert (await admin.patch(one, json={"name": "x"}, headers={"If-Match": '"1"'})).status_code == 412
    assert (await admin.delete(one)).status_code == 204
    assert (await admin.get(one)).status_code == 404


@pytest.mark.rule(255, 256, 258, 259)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phrase": "robot@courier.test"}, "phrase"),
        ({"phrase": ""}, "phrase"),
        ({"phrase": "   "}, "phrase"),
        ({"phrase": "two\nlines"}, "phrase"),
        ({"phrase": "x" * 256}, "phrase"),
        ({"type": "body"}, "type"),
        ({"failure": "fatal"}, "failure"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"system_provided": True}, "system_provided"),
    ],
)
async def test_what_is_not_valid_is_refused_by_name(
    admin: httpx.AsyncClient, path: str, changes: dict[str, Any], field: str
) -> None:
    assert fields_of(await admin.post(path, json={**ROBOT, **changes})) == [field]
    assert await _all(admin, path, system_provided=False) == []


@pytest.mark.parametrize("missing", ["name", "type", "phrase", "failure"])
@pytest.mark.rule(255)
async def test_all_but_the_description_is_required(admin: httpx.AsyncClient, path: str, missing: str) -> None:
    body = {name: value for name, value in ROBOT.items() if name != missing}
    assert fields_of(await admin.post(path, json=body)) == [missing]


async def test_a_phrase_that_matches_the_same_mails_is_refused(admin: httpx.AsyncClient, path: str) -> None:
    made = await _made(admin, path, type="subject", phrase="Pakét  Robot")
    for phrase in ("paket robot", "PAKÉT ROBOT", "Pake\u0301t robot"):
        refused = await admin.post(path, json={**ROBOT, "type": "subject", "phrase": phrase})
        assert (refused.status_code, refused.json()["code"]) == (409, "phrase_taken")
        assert str(made["id"]) in refused.json()["detail"]
    assert (await admin.post(path, json={**ROBOT, "phrase": "paket robot"})).status_code == 201
    other = await _made(admin, path, type="subject", phrase="another")
    refused = await admin.patch(f"/delivery-exceptions/{other['id']}", json={"phrase": "PAKET ROBOT"})
    assert refused.json()["code"] == "phrase_taken"


@pytest.mark.rule(261)
async def test_a_system_provided_one_is_deleted_from_all_departments_also_from_those_to_come(
    admin: httpx.AsyncClient, path: str
) -> None:
    other = f"/departments/{await a_department(admin)}/delivery-exceptions"
    (postmaster,) = [one for one in await _all(admin, path) if one["phrase"] == "postmaster"]
    (copy,) = [one for one in await _all(admin, other) if one["phrase"] == "postmaster"]
    assert (await admin.delete(f"/delivery-exceptions/{postmaster['id']}")).status_code == 204
    assert (await admin.get(f"/delivery-exceptions/{copy['id']}")).status_code == 404
    later = f"/departments/{await a_department(admin)}/delivery-exceptions"
    for where in (path, other, later):
        assert "postmaster" not in {one["phrase"] for one in await _all(admin, where)}
    entry = (await admin.get("/audit-log", params={"action": "delivery_exception.deleted"})).json()["items"][0]
    assert entry["changes"]["departments"] == 2


@pytest.mark.rule(261)
async def test_a_department_made_while_one_is_withdrawn_does_not_keep_it(admin: httpx.AsyncClient, path: str) -> None:
    (postmaster,) = [one for one in await _all(admin, path) if one["phrase"] == "postmaster"]
    _, *made = await asyncio.gather(
        admin.delete(f"/delivery-exceptions/{postmaster['id']}"), *(a_department(admin) for _ in range(5))
    )
    for department_id in made:
        found = await _all(admin, f"/departments/{department_id}/delivery-exceptions")
        assert len(found) == 126


@pytest.mark.rule(262)
async def test_one_of_its_own_is_deleted_from_its_own_department_only(admin: httpx.AsyncClient, path: str) -> None:
    other = f"/departments/{await a_department(admin)}/delivery-exceptions"
    mine, theirs = await _made(admin, path), await _made(admin, other)
    assert (await admin.delete(f"/delivery-exceptions/{mine['id']}")).status_code == 204
    assert (await admin.get(f"/delivery-exceptions/{theirs['id']}")).status_code == 200


async def test_an_edited_predefined_one_changes_in_its_own_department_only(
    admin: httpx.AsyncClient, path: str
) -> None:
    other = f"/departments/{await a_department(admin)}/delivery-exceptions"
    (vacation,) = [one for one in await _all(admin, path) if one["phrase"].lower() == "vacation"]
    assert vacation["failure"] == "permanent"
    changed = await admin.patch(f"/delivery-exceptions/{vacation['id']}", json={"failure": "temporary"})
    assert (changed.json()["failure"], changed.json()["system_provided"]) == ("temporary", True)
    (copy,) = [one for one in await _all(admin, other) if one["phrase"].lower() == "vacation"]
    assert copy["failure"] == "permanent"


@pytest.mark.rule(16, 17, 238, 239, 248, 249, 250, 251, 252)
@pytest.mark.parametrize(
    ("mail", "subtype", "phrase"),
    [
        ({"from": "postmaster@abc.com"}, "email_temporary_undeliverable", "postmaster"),
        ({"from": "mail-postmaster.xyz@abc.com"}, "email_temporary_undeliverable", "postmaster"),
        ({"from": "exception@postmaster.com"}, "email", None),
        ({"from": "anna@customer.test", "subject": "Where is my order?"}, "email", None),
        ({"subject": "I am on VACATION and ask"}, "email_permanent_undeliverable", "vacation"),
    ],
)
async def test_a_dry_run_says_which_phrase_decides(
    admin: httpx.AsyncClient, path: str, mail: dict[str, Any], subtype: str, phrase: str | None
) -> None:
    found_subtype, found = await _verdict(admin, path, **mail)
    assert (found_subtype, found and found.lower()) == (subtype, phrase)


@pytest.mark.rule(260, 264)
async def test_a_change_counts_at_once_with_no_restart(admin: httpx.AsyncClient, path: str) -> None:
    mail = {"from": "parcel-robot@courier.test"}
    assert await _verdict(admin, path, **mail) == ("email", None)
    made = await _made(admin, path)
    assert await _verdict(admin, path, **mail) == ("email_temporary_undeliverable", "parcel-robot")
    await admin.delete(f"/delivery-exceptions/{made['id']}")
    assert await _verdict(admin, path, **mail) == ("email", None)


async def test_a_department_takes_its_delivery_exceptions_along(admin: httpx.AsyncClient, path: str) -> None:
    made = await _made(admin, path)
    assert (await admin.delete(path.removesuffix("/delivery-exceptions"))).status_code == 204
    assert (await admin.get(f"/delivery-exceptions/{made['id']}")).status_code == 404
