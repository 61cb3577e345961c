"""What fields mean stands once for all bodies of a resource, and nowhere for nobody."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from pydantic import BaseModel

from ece_common import contracts


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        yield importlib.import_module(module.name)


def _shown() -> set[str]:
    """Every description that some model has."""
    found: set[str] = set()
    for module in _modules():
        for thing in vars(module).values():
            if isinstance(thing, type) and issubclass(thing, BaseModel) and thing.__module__ == module.__name__:
                for schema in thing.model_json_schema().get("properties", {}).values():
                    found.add(str(schema.get("description")))
    return found


def test_no_words_are_left_of_a_field_that_is_gone() -> None:
    shown = _shown()
    unused = [
        f"{module.__name__}.{name}[{field}]"
        for module in _modules()
        if module.__name__.endswith("words")
        for name, words in vars(module).items()
        if name.isupper() and isinstance(words, dict)
        for field, said in words.items()
        if said not in shown
    ]
    assert unused == []
