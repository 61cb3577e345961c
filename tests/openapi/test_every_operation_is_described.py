"""The docs page is the administrators' console: no operation without a summary, a description, its errors."""

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


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def has_example(content: dict[str, Any]) -> bool:
        if "example" in content or "examples" in content:
            return True
        schema = content.get("schema", {})
        target = schemas.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
        return "example" in target or "examples" in target

    bare = [
        name
        for name, operation in _operations(document)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if not has_example(content)
    ]
    assert bare == []


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
