"""Blocked file extensions: one spelling each, once in a department."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, fields_of


@pytest.fixture
async def path(admin: httpx.AsyncClient) -> str:
    return f"/departments/{await a_department(admin)}/blocked-file-extensions"


async def _made(admin: httpx.AsyncClient, path: str, extension: str = ".exe", **fields: Any) -> dict[str, Any]:
    answer = await admin.post(path, json={"name": "Programs", "blocked_file_extension": extension, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.rule(14, 211, 212, 213)
@pytest.mark.parametrize(
    ("entered", "stored"),
    [(".exe", ".exe"), ("vbs", ".vbs"), ("*.JS", ".js"), (" .Tar.gz ", ".tar.gz"), (".ÄÖ", ".äö")],
)
async def test_an_extension_is_kept_in_one_spelling(
    admin: httpx.AsyncClient, path: str, entered: str, stored: str
) -> None:
    made = await _made(admin, path, entered)
    assert (made["blocked_file_extension"], made["description"]) == (stored, "")
    assert (await admin.get(path)).json()["items"] == [made]


@pytest.mark.rule(212)
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"blocked_file_extension": "../exe"}, "blocked_file_extension"),
        ({"blocked_file_extension": "a\\b"}, "blocked_file_extension"),
        ({"blocked_file_extension": "x" * 65}, "blocked_file_extension"),
        ({"blocked_file_extension": ""}, "blocked_file_extension"),
        ({"blocked_file_extension": "."}, "blocked_file_extension"),
        ({"blocked_file_extension": ".e xe"}, "blocked_file_extension"),
        ({"blocked_file_extension": ".ex*"}, "blocked_file_extension"),
        ({"blocked_file_extension": ".exe."}, "blocked_file_extension"),
        ({"blocked_file_extension": ".e\x00"}, "blocked_file_extension"),
        ({"name": ""}, "name"),
        ({"extension": ".exe"}, "extension"),
    ],
)
async def test_what_is_no_extension_is_refused_by_name(
    admin: httpx.AsyncClient, path: str, changes: dict[str, Any], field: str
) -> None:
    body = {"name": "Programs", "blocked_file_extension": ".exe", **changes}
    assert fields_of(await admin.post(path, json=body)) == [field]
    assert (await admin.get(path)).json()["items"] == []


async def test_an_extension_is_blocked_once_in_a_department(admin: httpx.AsyncClient, path: str) -> None:
    made = await _made(admin, path)
    refused = await admin.post(path, json={"name": "Again", "blocked_file_extension": "EXE"})
    assert (refused.status_code, refused.json()["code"]) == (409, "extension_taken")
    assert str(made["id"]) in refused.json()["detail"]
    other = await _made(admin, path, ".vbs")
    taken = await admin.patch(f"/blocked-file-extensions/{other['id']}", json={"blocked_file_extension": ".exe"})
    assert taken.json()["code"] == "extension_taken"
    elsewhere = f"/departments/{await a_department(admin)}/blocked-file-extensions"
    await _made(admin, elsewhere)


@pytest.mark.rule(215)
async def test_it_is_changed_and_deleted_under_a_precondition(admin: httpx.AsyncClient, path: str) -> None:
    made = await _made(admin, path)
    one = f"/blocked-file-extensions/{made['id']}"
    changed = await admin.patch(one, json={"description": "Never", "blocked_file_extension": ".com"})
    assert (changed.json()["description"], changed.json()["blocked_file_extension"]) == ("Never", ".com")
    assert (await admin.delete(one, headers={"If-Match": '"1"'})).status_code == 412
    assert (await admin.delete(one, headers={"If-Match": changed.headers["ETag"]})).status_code == 204
    assert (await admin.get(one)).status_code == 404
    actions = [entry["action"] for entry in (await admin.get("/audit-log")).json()["items"]]
    assert [action for action in actions if action.startswith("blocked")] == [
        "blocked_file_extension.created", "blocked_file_extension.changed", "blocked_file_extension.deleted",
    ]  # fmt: skip
