"""What the docs page shows as an example is a body that the contract accepts."""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from ece_common import contracts
from ece_common.contracts import worker_examples
from ece_common.contracts.settings import DepartmentSettings, PartitionSettings


def _models() -> Iterator[type[BaseModel]]:
    for module in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, BaseModel) and thing.__module__ == module.name:
                yield thing


def _examples() -> Iterator[Any]:
    for model in _models():
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and isinstance(extra["examples"], list):
            for number, body in enumerate(extra["examples"]):
                yield pytest.param(model, body, id=f"{model.__name__}-{number}")


@pytest.mark.parametrize(("model", "body"), list(_examples()))
def test_an_example_is_a_body_that_its_model_accepts(model: type[BaseModel], body: dict[str, Any]) -> None:
    read = model.model_validate(body)
    shown = read.model_dump(mode="json", by_alias=True)
    assert set(body) <= set(shown), "an answer's model ignores what it does not know; an example may not have it"


def test_settings_are_shown_whole() -> None:
    for model in (PartitionSettings, DepartmentSettings):
        shown: Any = model.model_config.get("json_schema_extra")
        assert set(shown["examples"][0]) == set(model.model_fields)


def test_the_batch_shown_goes_with_the_contents_shown() -> None:
    message: Any = worker_examples.BATCH["messages"]
    content = worker_examples.ORIGINAL.encode()
    assert message[0]["original"] == {"offset": 0, "size": len(content)}
    assert message[0]["content_sha256"] == hashlib.sha256(content).hexdigest()
