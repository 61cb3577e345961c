"""The fields of a request as its contract has them: for `--help`, and for values that are lists."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from ece_common.contracts.mistakes import PATTERNS

_LARGEST_ID = 2**63
_NOTHING = (None, "", [])
_FORMATS = {"date-time": "date and time, such as 2030-01-31T09:00:00Z"}
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldOf:
    """`takes`: the values that are allowed; `meaning`: what they do, with default and example; `kind`: JSON's name
    for what it is, or of a list what its entries are.
    """

    name: str
    takes: str
    meaning: str
    required: bool
    is_list: bool
    kind: str


@cache
def fields_of(contract: type[BaseModel], described_by: type[BaseModel] | None = None) -> tuple[FieldOf, ...]:
    """Dotted where fields have fields; without secrets, which are no arguments."""
    known = {field.name: field for field in fields_of(described_by)} if described_by is not None else {}
    schema = contract.model_json_schema()
    example = (schema.get("examples") or [{}])[0]
    found = _fields(schema, schema.get("$defs", {}), "", example, required=True)
    return tuple(
        FieldOf(one.name, one.takes, one.meaning or known[one.name].meaning, one.required, one.is_list, one.kind)
        if one.name in known
        else one
        for one in found
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A contract as `--help` shows it; what it does not say of a field, `described_by` may."""

    contract: type[BaseModel]
    described_by: type[BaseModel] | None = None
    title: str = "Fields"


def taking(*shown: Shown) -> type[TyperCommand]:
    """A command whose `--help` ends with the fields that it takes."""

    class Taking(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer does not name the types
            super().format_help(ctx, formatter)
            console = Console(file=sys.stdout, highlight=False)
            for one in shown:
                console.print(_panel(one))
            console.print(" null clears a field or gives its default back; a list is written a,b,c.\n")

    return Taking


def _panel(shown: Shown) -> Panel:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for field in fields_of(shown.contract, shown.described_by):
        about = Text.assemble((field.takes, "yellow"))
        about.append(f"; {field.meaning}" if field.meaning else "")
        about.append(" [required]" if field.required else "", style="red")
        table.add_row(Text(field.name, style="bold cyan"), about)
    return Panel(table, box=box.ROUNDED, border_style="dim", title=shown.title, title_align="left")


def _fields(
    schema: Schema,
    definitions: Schema,
    prefix: str,
    example: Any,  # noqa: ANN401 - JSON
    *,
    required: bool,
) -> Iterator[FieldOf]:
    """`required`: whether that is what these are fields of."""
    for name, given in schema["properties"].items():
        spec = _resolved(given, definitions)
        needed = required and name in schema.get("required", ())
        shown = example.get(name) if isinstance(example, dict) else None
        if spec.get("writeOnly"):
            continue
        if "properties" in spec:
            yield from _fields(spec, definitions, f"{prefix}{name}.", shown, required=needed)
        else:
            takes, is_list = _takes(spec, definitions), spec.get("type") == "array"
            kind = str((_resolved(spec["items"], definitions) if is_list else spec).get("type"))
            yield FieldOf(f"{prefix}{name}", takes, _meaning(given, spec, takes, shown), needed, is_list, kind)


def _resolved(spec: Schema, definitions: Schema) -> Schema:
    """Without the null that a field may be besides, and with what a reference stands for."""
    if "anyOf" in spec:
        spec = next(one for one in spec["anyOf"] if one.get("type") != "null") | {
            key: value for key, value in spec.items() if key == "description"
        }
    if "$ref" in spec:
        return definitions[spec["$ref"].rpartition("/")[2]]
    return spec


def _takes(spec: Schema, definitions: Schema) -> str:
    if "enum" in spec:
        return " | ".join(map(str, spec["enum"]))
    if "const" in spec:
        return str(spec["const"])
    kind = spec.get("type")
    if kind == "array":
        return f"list of: {_takes(_resolved(spec['items'], definitions), definitions)}"
    if kind == "boolean":
        return "true | false"
    return _number(spec) if kind in {"integer", "number"} else _text(spec)


def _number(spec: Schema) -> str:
    if spec.get("exclusiveMaximum") == _LARGEST_ID:
        return "number"
    return f"{spec['minimum']} to {spec['maximum']}" if "minimum" in spec and "maximum" in spec else "number"


def _text(spec: Schema) -> str:
    right = PATTERNS.get(spec.get("pattern", ""), "").removeprefix("must ").removeprefix("be ")
    return right or _FORMATS.get(spec.get("format", ""), "text")


def _meaning(given: Schema, spec: Schema, takes: str, example: object) -> str:
    said = str(given.get("description") or spec.get("description") or "").replace("\n", " ").rstrip(".")
    default = given.get("default")
    parts = [said] if said else []
    if default not in _NOTHING and "default" not in said.casefold():
        parts.append(f"default: {_written(default)}")
    chosen = "enum" in spec or spec.get("type") == "boolean"
    if example not in _NOTHING and not parts and not chosen and "such as" not in takes:
        parts.append(f"such as {_written(example)}")
    return "; ".join(parts)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
