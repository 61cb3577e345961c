"""The docs page is the administrators' console: no operation without a summary, a description, its errors."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.suite import Suite

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def document(described: Suite) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{described.url}/openapi.json", timeout=30, trust_env=False).json()
    return answer


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def test_every_operation_has_a_summary_and_a_description(document: dict[str, Any]) -> None:
    bare = [
        name
        for name, operation in _operations(document)
        if not operation.get("summary") or not operation.get("description")
    ]
    assert bare == []


def test_every_operation_under_v1_tells_its_errors_as_problems(document: dict[str, Any]) -> None:
    silent = [
        f"{name} {code}"
        for name, operation in _operations(document)
        if " /v1/" in name
        for code in ("401", "403", "422", "503")
        if "application/problem+json" not in operation["responses"].get(code, {}).get("content", {})
    ]
    assert silent == []


def _has_example(document: dict[str, Any], content: dict[str, Any]) -> bool:
    schema = content.get("schema", {})
    target = document["components"]["schemas"].get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return any(name in one for one in (content, target) for name in ("example", "examples"))


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bare = [
        name
        for name, operation in _operations(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not _has_example(document, content)
    ]
    assert bare == []


def test_every_answer_in_json_has_an_example(document: dict[str, Any]) -> None:
    bare = [
        f"{name} {code}"
        for name, operation in _operations(document)
        for code, answer in operation["responses"].items()
        if code.startswith("2")
        for content in [answer.get("content", {}).get("application/json")]
        if content is not None and not _has_example(document, content)
    ]
    assert bare == []


def test_every_property_says_what_it_means(document: dict[str, Any]) -> None:
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, shape in schema.get("properties", {}).items()
        if not shape.get("description")
    ]
    assert bare == []


def test_every_parameter_says_what_it_means(document: dict[str, Any]) -> None:
    bare = [
        f"{name} {parameter['name']}"
        for name, operation in _operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description") and not parameter["schema"].get("description")
    ]
    assert bare == []


def test_operations_have_short_names_of_their_own_that_the_introduction_uses(document: dict[str, Any]) -> None:
    names = Counter(operation["operationId"] for _, operation in _operations(document))
    assert [
        name for name, times in names.items() if times > 1 or not re.fullmatch(r"[a-z]+(_[a-z]+){1,4}", name)
    ] == []
    told = set(re.findall(r"`([a-z_]+)`", document["info"]["description"]))
    tags = {re.sub(r"\W", "_", tag["name"].lower()) for tag in document["tags"]}
    spoken = {name for name in told if any(name.startswith(f"{tag}_") for tag in tags)}
    assert len(spoken) > 10
    assert spoken - set(names) == set()


def test_every_tag_is_described_and_every_operation_has_one(document: dict[str, Any]) -> None:
    described = [tag["name"] for tag in document["tags"] if tag["description"]]
    used = {tag for _, operation in _operations(document) for tag in operation.get("tags", ["none"])}
    assert used == set(described)


def test_no_text_of_the_page_cites_a_rule_by_its_number(document: dict[str, Any]) -> None:
    assert re.findall(r".{40}\bR\d{1,3}\b", json.dumps(document)) == []


def test_only_the_exempt_paths_answer_without_a_token(described: Suite, document: dict[str, Any]) -> None:
    exempt = {"/healthz", "/readyz", "/docs", "/openapi.json", "/oauth/callback", "/metrics"}
    for name, _operation in _operations(document):
        method, path = name.split(" ", 1)
        if path in exempt or not path.startswith("/v1/"):
            continue
        address = f"{described.url}{path.replace('{', '').replace('}', '')}"
        response = httpx.request(method, address, timeout=30, trust_env=False)
        assert response.status_code == 401, name
        assert response.headers["content-type"] == "application/problem+json"
