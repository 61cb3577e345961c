"""What every contract's model says of itself: each field's meaning, and whether text passes for a number."""

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

Words = Mapping[str, str]
"""By name of the field. They stand once for all bodies of a resource: those that make, change and show it."""

_EXACT = frozenset({"int", "float", "bool"})


class Described(BaseModel):
    """A field is described by its own `description` or docstring, else by the `words` that its class was given."""

    model_config = ConfigDict(populate_by_name=True, use_attribute_docstrings=True)
    _words: ClassVar[Words] = {}

    def __init_subclass__(cls, *, words: Words | None = None, **config: Unpack[ConfigDict]) -> None:
        super().__init_subclass__(**config)
        if words is not None:
            cls._words = {**cls._words, **words}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        for name, shape in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if name in cls._words:
                shape.setdefault("description", cls._words[name])
        return schema


def _make_exact(part: object) -> None:
    """Not pydantic's `strict`: that refuses dates, and secrets that come as text, too."""
    if isinstance(part, dict):
        kind = part.get("type")  # no text where a field is called so
        if isinstance(kind, str) and kind in _EXACT:
            part["strict"] = True
        for inner in part.values():
            _make_exact(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            _make_exact(inner)


class Exact(Described):
    """Text is no number and no truth value, and 1 is not true: refused, where pydantic would take them for one."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        schema = handler(source)
        _make_exact(handler.resolve_ref_schema(schema))
        return schema
