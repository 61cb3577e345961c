"""What is wrong with a value is said in our words, for every field of every body that a caller sends."""

import importlib
import pkgutil
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from ece_common import contracts
from ece_common.contracts.aliases import AliasChange
from ece_common.contracts.base import Host, Strict
from ece_common.contracts.mistakes import NAMED, PATTERNS, said_of

WRONG: tuple[Any, ...] = (
    *(None, 7, -1, 10**30, 1.5, True, float("inf")),
    *("", "a\x00b", "ä b!", "x" * 300_000),
    *([], [None], ["ä b!"] * 3, {}, {"a": 1}),
)
LIBRARY_WORDS = ("Input", "should", "String", "List", "valid ", "validation", "fit here")


def bodies() -> list[type[BaseModel]]:
    for module in pkgutil.iter_modules(contracts.__path__):
        importlib.import_module(f"{contracts.__name__}.{module.name}")
    found: list[type[BaseModel]] = []
    waiting: list[type[BaseModel]] = [Strict]
    while waiting:
        new = waiting.pop().__subclasses__()
        found += new
        waiting += new
    return sorted(set(found), key=lambda each: each.__name__)


def mistakes(body: type[BaseModel], values: dict[str, Any]) -> list[Any]:
    try:
        body.model_validate(values)
    except ValidationError as problem:
        return list(problem.errors())
    return []


@pytest.mark.parametrize("body", bodies(), ids=lambda body: body.__name__)
def test_text_passes_for_no_number_and_no_truth_value_in_any_body(body: type[BaseModel]) -> None:
    def wants(schema: Any) -> bool:
        kinds = {one.get("type") for one in [schema, *schema.get("anyOf", [])]}
        return bool(kinds & {"integer", "number", "boolean"}) and "string" not in kinds

    for name, schema in body.model_json_schema()["properties"].items():
        if wants(schema):
            assert [error["loc"] for error in mistakes(body, {name: "1"}) if error["type"] != "missing"] == [(name,)]


@pytest.mark.parametrize("sent", [["a@shop.test"] * 101, "; ".join(["a@shop.test"] * 101)])
def test_a_list_is_too_long_by_its_entries_and_no_text_by_its_characters(sent: object) -> None:
    error = mistakes(AliasChange, {"redirection_email_addresses": sent})[0]
    assert said_of(error) == "must hold at most 100 entries"


@pytest.mark.parametrize("body", bodies(), ids=lambda body: body.__name__)
def test_a_text_is_too_long_by_its_characters(body: type[BaseModel]) -> None:
    long = "x" * 20_000
    told = [said_of(error) for field in body.model_fields for error in mistakes(body, {field: long})]
    assert [one for one in told if "entr" in one] == []


@pytest.mark.parametrize("body", bodies(), ids=lambda body: body.__name__)
def test_no_sentence_of_the_library_reaches_a_caller(body: type[BaseModel]) -> None:
    told = {
        (error["type"], said_of(error))
        for field in body.model_fields
        for wrong in WRONG
        for error in mistakes(body, {field: wrong})
    }
    assert [one for one in told if any(word in one[1] for word in LIBRARY_WORDS) or "{" in one[1]] == []


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (Host, "mail server!", PATTERNS[r"^[A-Za-z0-9._:\-\[\]]+$"]),
        (Annotated[str, Field(pattern=NAMED)], "a b", PATTERNS[NAMED]),
        (Annotated[str, Field(min_length=1)], "", "must not be empty"),
        (Annotated[str, Field(min_length=2)], "a", "must have at least 2 characters"),
        (Annotated[str, Field(max_length=1)], "ab", "must have at most 1 character"),
        (Annotated[list[int], Field(min_length=1)], [], "must not be empty"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "must hold at most 2 entries"),
        (Annotated[int, Field(le=65535)], 65536, "must be at most 65535"),
        (int, "x", "must be a whole number"),
        (bool, "perhaps", "must be true or false"),
    ],
)
def test_a_sentence_says_what_would_be_right(kind: Any, value: object, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter[object](kind).validate_python(value)
    assert said_of(caught.value.errors()[0]) == sentence
