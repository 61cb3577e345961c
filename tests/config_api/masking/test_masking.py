"""Masking patterns and the channels that apply them: what compiles, who decides, what is in use."""

from typing import Any

import httpx
import pytest

from tests.config_api.builders import a_department, an_alias, fields_of
from tests.config_api.replicas import Replica

CARD: dict[str, Any] = {
    "name": "Cards",
    "java_regular_expression": r"\b\d{16}\b",
    "unmask_from_right": 4,
    "apply_luhn": True,
}


async def _made(admin: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await admin.post("/masking-patterns", json={**CARD, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _channel(admin: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await admin.patch("/masking-channel", json=changes)


@pytest.mark.rule(32, 33)
async def test_a_pattern_is_made_changed_and_deleted(admin: httpx.AsyncClient) -> None:
    made = await _made(admin)
    assert (made["active"], made["masking_character"], made["linear"]) == (True, "*", True)
    assert made["javascript_regular_expression"] == made["java_regular_expression"]
    one = f"/masking-patterns/{made['id']}"
    changed = await admin.patch(one, json={"masking_character": "X", "description": "Of customers"})
    assert (changed.json()["masking_character"], changed.json()["description"]) == ("X", "Of customers")
    assert (await admin.get("/masking-patterns")).json()["items"] == [changed.json()]
    assert (await admin.delete(one, headers={"If-Match": '"1"'})).status_code == 412
    assert (await admin.delete(one)).status_code == 204
    assert (await admin.get(one)).status_code == 404


@pytest.mark.rule(33)
@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"java_regular_expression": r"\d{3"}, "java_regular_expression", "position"),
        ({"java_regular_expression": "(a"}, "java_regular_expression", "position"),
        ({"java_regular_expression": "a*"}, "java_regular_expression", "empty"),
        ({"java_regular_expression": ""}, "java_regular_expression", ""),
        ({"java_regular_expression": "a\x00"}, "java_regular_expression", "U+0000; write \\u0000"),
        ({"java_regular_expression": "(?:(?:a{999}){999}){9}"}, "java_regular_expression", "position 13"),
        ({"javascript_regular_expression": "a\r"}, "javascript_regular_expression", "U+000D"),
        ({"javascript_regular_expression": "[a"}, "javascript_regular_expression", "position"),
        ({"masking_character": "^"}, "masking_character", ""),
        ({"masking_character": "**"}, "masking_character", ""),
        ({"unmask_from_left": -1}, "unmask_from_left", ""),
        ({"name": ""}, "name", ""),
        ({"regex": "a"}, "regex", ""),
    ],
)
async def test_what_cannot_be_used_is_refused_and_says_where(
    admin: httpx.AsyncClient, changes: dict[str, Any], field: str, problem: str
) -> None:
    refused = await admin.post("/masking-patterns", json={**CARD, **changes})
    assert fields_of(refused) == [field]
    assert problem in refused.json()["errors"][0]["problem"]
    assert (await admin.get("/masking-patterns")).json()["items"] == []


async def test_there_are_a_hundred_patterns_at_most_and_names_are_used_once(admin: httpx.AsyncClient) -> None:
    for number in range(100):
        await _made(admin, name=f"Pattern {number}")
    assert (await admin.post("/masking-patterns", json=CARD)).json()["code"] == "too_many"
    refused = await admin.patch("/masking-patterns/1", json={"name": "Pattern 2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "name_taken")


@pytest.mark.rule(35)
async def test_only_active_patterns_are_applied_and_those_in_use_stay(admin: httpx.AsyncClient) -> None:
    made, idle = await _made(admin), await _made(admin, name="Idle", active=False)
    one = f"/masking-patterns/{made['id']}"
    assert fields_of(await _channel(admin, pattern_ids=[made["id"], idle["id"], 999, made["id"]])) == [
        "pattern_ids.1", "pattern_ids.2", "pattern_ids.3",
    ]  # fmt: skip
    assert (await _channel(admin, pattern_ids=[made["id"]])).status_code == 200
    for refused in (await admin.patch(one, json={"active": False}), await admin.delete(one)):
        assert (refused.status_code, refused.json()["code"]) == (409, "still_referenced")
        assert refused.json()["references"][0]["type"] == "masking_channel"
    assert (await _channel(admin, pattern_ids=[])).status_code == 200
    assert (await admin.delete(one)).status_code == 204


@pytest.mark.rule(37)
async def test_both_directions_start_switched_off_and_are_switched_one_by_one(admin: httpx.AsyncClient) -> None:
    start = (await admin.get("/masking-channel")).json()
    assert (start["mask_incoming"], start["mask_outgoing"], start["pattern_ids"]) == (False, False, [])
    changed = (await _channel(admin, mask_incoming=True)).json()
    assert (changed["mask_incoming"], changed["mask_outgoing"]) == (True, False)
    assert fields_of(await _channel(admin, mask_incoming=None)) == ["mask_incoming"]


@pytest.mark.rule(36)
async def test_a_department_decides_for_itself_only_where_the_partition_lets_it(admin: httpx.AsyncClient) -> None:
    made = await _made(admin)
    path = f"/departments/{await a_department(admin)}/masking-channel"
    assert (await _channel(admin, mask_incoming=True, pattern_ids=[made["id"]])).status_code == 200
    inherited = {"own": False, "mask_incoming": True, "mask_outgoing": False, "pattern_ids": [made["id"]]}
    assert (await admin.get(path)).json() == inherited
    refused = await admin.patch(path, json={"mask_incoming": False})
    assert (refused.status_code, refused.json()["code"]) == (409, "managed_by_partition")

    assert (await _channel(admin, departments_may_override=True)).status_code == 200
    own = (await admin.patch(path, json={"mask_outgoing": True})).json()
    assert own == {**inherited, "own": True, "mask_outgoing": True}, "it begins with what was in force"
    assert (await _channel(admin, mask_incoming=False)).status_code == 200
    assert (await admin.get(path)).json() == own, "not affected by the partition's changes any more"
    given_back = (await admin.patch(path, json={"own": False})).json()
    assert given_back == {**inherited, "mask_incoming": False}


@pytest.mark.rule(34, 35, 36, 37)
async def test_what_is_in_force_reaches_the_retriever(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> None:
    alias = await an_alias(admin, retriever_instance="default")
    replica = Replica(worker)
    await replica.beat()
    made, second = await _made(admin), await _made(admin, name="Second")
    await _channel(admin, mask_incoming=True, pattern_ids=[second["id"], made["id"]])
    policies = (await replica.ask()).json()["policies"][str(alias["department_id"])]["masking"]
    assert (policies["mask_incoming"], policies["mask_outgoing"]) == (True, False)
    assert [one["name"] for one in policies["patterns"]] == ["Second", "Cards"], "in the channel's order"
    refused = await worker.post("/masking-patterns", json=CARD)
    assert refused.status_code == 403, "only a partition administrator defines patterns"


@pytest.mark.rule(32)
async def test_a_trial_shows_what_is_found_and_what_is_left(admin: httpx.AsyncClient) -> None:
    made = await _made(admin)
    trial = {"text": "4111111111111111 and 4111111111111112", "pattern_ids": [made["id"]]}
    answer = (await admin.post("/masking-patterns/evaluate", json=trial)).json()
    assert answer["text"] == "************1111 and 4111111111111112", "the second fails the Luhn check"
    assert answer["matches"] == [{"pattern": "Cards", "start": 0, "end": 16}]
    in_subject = await admin.post(
        "/masking-patterns/evaluate", json={"text": "", "subject": "Of 4111111111111111", "pattern_ids": [made["id"]]}
    )
    assert in_subject.json()["subject_matches"] == [{"pattern": "Cards", "start": 3, "end": 19}]
    new = {"name": "Words", "java_regular_expression": "secret"}
    shown = await admin.post("/masking-patterns/evaluate", json={"text": "a secret", "pattern": new})
    assert shown.json()["text"] == "a ******"
    broken = {"text": "x", "pattern": {"name": "Broken", "java_regular_expression": "("}}
    assert fields_of(await admin.post("/masking-patterns/evaluate", json=broken)) == [
        "pattern.java_regular_expression"
    ]
    assert fields_of(await admin.post("/masking-patterns/evaluate", json={"text": "x"})) == ["pattern_ids"]
    assert fields_of(await admin.post("/masking-patterns/evaluate", json={"text": "x", "pattern_ids": [9]})) == [
        "pattern_ids.0"
    ]


@pytest.mark.rule(33)
async def test_a_java_expression_that_javascript_lacks_asks_for_the_javascript_one(admin: httpx.AsyncClient) -> None:
    pattern = {"name": "Possessive", "java_regular_expression": r"\p{Alpha}++x"}
    answer = await admin.post("/masking-patterns", json=pattern)
    assert fields_of(answer) == ["javascript_regular_expression"]
    assert "is needed: left out, the Java expression is taken" in answer.text
    both = {**pattern, "javascript_regular_expression": "[a-zA-Z]+x"}
    assert (await admin.post("/masking-patterns", json=both)).status_code == 201


async def test_a_pattern_that_backtracks_without_end_hides_the_text_instead_of_stalling(
    admin: httpx.AsyncClient,
) -> None:
    hostile = {"name": "Hostile", "java_regular_expression": r"(?=(a+)+b)a"}
    answer = await admin.post("/masking-patterns/evaluate", json={"text": "a" * 5000 + "!", "pattern": hostile})
    assert answer.status_code == 200
    assert "aaa" not in answer.json()["text"] or answer.json()["hidden"] == []
    assert (await admin.post("/masking-patterns", json=hostile)).json()["linear"] is False


async def test_what_was_exported_can_be_imported_and_overwrites_by_name(admin: httpx.AsyncClient) -> None:
    made = await _made(admin, description="As exported")
    exported = await admin.get("/masking-patterns/export")
    assert exported.headers["content-type"].startswith("application/xml")
    await admin.patch(f"/masking-patterns/{made['id']}", json={"description": "Changed since"})
    await _made(admin, name="Another")
    answer = await admin.post("/masking-patterns/import", content=exported.content)
    assert answer.json() == {"created": [], "overwritten": ["Cards"]}
    found = {one["name"]: one for one in (await admin.get("/masking-patterns")).json()["items"]}
    assert (found["Cards"]["id"], found["Cards"]["description"]) == (made["id"], "As exported")
    assert set(found) == {"Cards", "Another"}


_BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><patterns>&a;</patterns>"""


async def test_a_file_is_taken_whole_or_not_at_all(admin: httpx.AsyncClient) -> None:
    await _made(admin, name="In use")
    await _channel(admin, pattern_ids=[1])
    exported = (await admin.get("/masking-patterns/export")).content
    begin, end = exported.index(b"<pattern>"), exported.index(b"</patterns>")
    other = exported[begin:end].replace(b"In use", b"New").replace(rb"\b\d{16}\b", b"(")
    for content, code in (
        (b"not XML", "not_xml"),
        (_BOMB, "not_xml"),
        (b"<patterns/>", "malformed"),
        (exported[:end] + other + exported[end:], "expression_does_not_compile"),
        (exported.replace(b"<isActive>yes", b"<isActive>no"), "pattern_in_use"),
        (exported.replace(b"<isActive>yes", b"<isActive>Yes"), "malformed"),
        (exported.replace(b"<isDefault>no", b"<isDefault>yes"), "default_pattern"),
    ):
        refused = await admin.post("/masking-patterns/import", content=content)
        assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
        assert [one["name"] for one in (await admin.get("/masking-patterns")).json()["items"]] == ["In use"]
