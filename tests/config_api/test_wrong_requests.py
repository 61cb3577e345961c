"""What a caller hears who mistyped: which field or parameter, and what would be right, in our words."""

from typing import Any

import pytest

from ece_common.contracts.mistakes import PATTERNS
from tests.config_api.builders import alias_body, fields_of
from tests.config_api.process import ConfigApi

pytestmark = pytest.mark.asyncio(loop_scope="session")
_JSON = {"Content-Type": "application/json"}
_WHOLE, _TRUTH = "must be a whole number", "must be true or false"


@pytest.mark.parametrize(
    ("path", "body", "field", "problem"),
    [
        ("/departments", {}, "name", "is required"),
        ("/departments", {"name": 7}, "name", "must be text"),
        ("/departments", {"name": ""}, "name", "must not be empty"),
        ("/departments", [], "body", "must be a JSON object: names and values in braces"),
        (
            "/retriever-instances",
            {"name": "north east"},
            "name",
            "must consist of letters a to z, digits, dots, hyphens and underscores",
        ),
        (
            "/departments/1/aliases",
            alias_body(incoming={"server_name": "mail server"}),
            "incoming.server_name",
            "must be a host name or an IP address, such as mail.example.com",
        ),
        ("/departments/1/aliases", alias_body(incoming={"port": 65536}), "incoming.port", "must be at most 65535"),
        (
            "/departments/1/aliases",
            alias_body(incoming={"server_type": "EXCHANGE"}),
            "incoming.server_type",
            "must be 'POP3' or 'IMAP'",
        ),
    ],
)
async def test_a_wrong_value_is_told_with_what_would_be_right(
    shared: ConfigApi, path: str, body: Any, field: str, problem: str
) -> None:
    refused = await shared.admin.post(path, json=body)
    assert fields_of(refused) == [field]
    assert refused.json()["errors"][0]["problem"] == problem


async def test_a_body_that_stops_being_json_is_told_where(shared: ConfigApi) -> None:
    refused = await shared.admin.post("/departments", content=b'{"name": "a",}', headers=_JSON)
    assert refused.json()["errors"] == [
        {"field": "body", "problem": "must be JSON; it stops being that at character 13"}
    ]


@pytest.mark.parametrize("sent", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_a_body_of_another_format_is_told_which_header_to_send(shared: ConfigApi, sent: str | None) -> None:
    headers = {"Content-Type": sent} if sent else {}
    refused = await shared.admin.post("/departments", content=b'{"name": "a"}', headers=headers)
    assert fields_of(refused) == ["body"]
    assert refused.json()["errors"][0]["problem"].endswith("send JSON, with Content-Type: application/json")


@pytest.mark.parametrize(
    ("path", "name", "known"),
    [
        ("/activities?stattus=new", "stattus", "status"),
        ("/departments?limit=1&page=2", "page", "cursor, limit"),
        ("/settings?verbose=1", "verbose", "takes none"),
    ],
)
async def test_an_unknown_query_parameter_is_refused_with_the_known_ones(
    shared: ConfigApi, path: str, name: str, known: str
) -> None:
    refused = await shared.admin.get(path)
    assert fields_of(refused) == [f"query.{name}"]
    assert known in refused.json()["errors"][0]["problem"]
    assert (await shared.api.get(path)).status_code == 401


async def test_every_parameter_that_the_contract_lists_is_known(shared: ConfigApi) -> None:
    for path, operations in shared.app.openapi()["paths"].items():
        listed = [one["name"] for one in operations.get("get", {}).get("parameters", []) if one["in"] == "query"]
        if path.startswith("/v1/") and "{" not in path and listed:
            answer = await shared.admin.get(path.removeprefix("/v1"), params=dict.fromkeys(listed, "1"))
            assert "is not a known parameter" not in answer.text, path


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/departmnets", 404, "there is nothing at /v1/departmnets; /docs has a list of all operations"),
        ("PUT", "/settings", 405, "/v1/settings does not take PUT; it takes GET, PATCH"),
    ],
)
async def test_what_does_not_exist_says_what_does(
    shared: ConfigApi, method: str, path: str, status: int, detail: str
) -> None:
    refused = await shared.admin.request(method, path)
    assert refused.status_code == status
    assert refused.json()["detail"] == detail


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/settings", "GET, PATCH"),
        ("POST", "/aliases/1", "GET, PATCH, DELETE"),
        ("DELETE", "/departments", "GET, POST"),
        ("POST", "/retriever-instances/a/replicas/b/heartbeat", "PUT"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_told_all_that_it_takes(
    shared: ConfigApi, method: str, path: str, allowed: str
) -> None:
    refused = await shared.admin.request(method, path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "path", "body", "field", "problem"),
    [
        ("PATCH", "/settings", {"default_smtp_port": "25990"}, "default_smtp_port", _WHOLE),
        ("PATCH", "/settings", {"retriever_batch_size": 2.5}, "retriever_batch_size", _WHOLE),
        ("PATCH", "/departments/1/settings", {"block_all_attachments": "yes"}, "block_all_attachments", _TRUTH),
        ("PATCH", "/departments/1/settings", {"block_all_attachments": 1}, "block_all_attachments", _TRUTH),
        ("PATCH", "/masking-patterns/1", {"active": "on"}, "active", _TRUTH),
        ("PATCH", "/masking-patterns/1", {"unmask_from_left": "2"}, "unmask_from_left", _WHOLE),
        ("POST", "/retriever-instances", {"name": "north", "alias_ids": ["7"]}, "alias_ids.0", _WHOLE),
        ("POST", "/departments/1/aliases", alias_body(incoming={"port": True}), "incoming.port", _WHOLE),
    ],
)
async def test_text_is_no_number_and_no_truth_value(
    shared: ConfigApi, method: str, path: str, body: Any, field: str, problem: str
) -> None:
    refused = await shared.admin.request(method, path, json=body)
    assert fields_of(refused) == [field]
    assert refused.json()["errors"][0]["problem"] == problem


async def test_query_parameters_are_text_and_are_read(shared: ConfigApi) -> None:
    answer = await shared.admin.get("/activities", params={"limit": "5", "department_id": "1"})
    assert answer.status_code == 200


async def test_two_tokens_at_once_are_refused(shared: ConfigApi) -> None:
    token = shared.admin.headers["Authorization"]
    refused = await shared.api.get("/me", headers=[("Authorization", token), ("Authorization", "Bearer other")])
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert "2 Authorization headers" in refused.json()["detail"]


async def test_every_pattern_of_the_contract_has_a_sentence(shared: ConfigApi) -> None:
    def patterns(node: Any) -> set[str]:
        if isinstance(node, dict):
            here = {node["pattern"]} if isinstance(node.get("pattern"), str) else set[str]()
            return here.union(*(patterns(each) for name, each in node.items() if not name.startswith("example")))
        return set[str]().union(*(patterns(each) for each in node)) if isinstance(node, list) else set()

    assert patterns(shared.app.openapi()) - set(PATTERNS) == set()
