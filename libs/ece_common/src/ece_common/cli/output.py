"""What the command line prints: tables for people, JSON for programs, complaints on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ece_common.errors import EceError

# A pipe has no width; a table cut at 80 columns would lose ids and addresses there.
_PIPE_WIDTH = 240


def safe(value: object) -> str:
    """Text for a terminal: a subject from outside must not move the cursor or recolour the screen."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(safe, value)) if isinstance(value, list) else str(value)
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def show_list(items: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """A row an item; a column may be a dotted path such as `incoming.server_name`."""
    if as_json:
        _print_json(items)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, overflow="fold")
    for item in items:
        flat = dict(_flat(item))
        table.add_row(*(Text(safe(flat.get(column))) for column in columns))
    _console().print(table)


def show_one(item: Mapping[str, Any], *, as_json: bool) -> None:
    """A line a field."""
    if as_json:
        _print_json(item)
        return
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for field, value in _flat(item):
        table.add_row(Text(field), Text(safe(value)))
    _console().print(table)


def show_line(item: Mapping[str, Any]) -> None:
    """One JSON object a line, at once: for a stream."""
    sys.stdout.write(json.dumps(item) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    sys.stdout.write(safe(text) + "\n")


def warn(text: str) -> None:
    sys.stderr.write(safe(text) + "\n")


def complain(error: EceError) -> None:
    """Title, what is wrong, each field, and what still refers to the thing."""
    warn(f"{error.title} ({error.code})")
    fields = error.errors or []
    if error.detail and not fields:
        warn(f"  {error.detail}")
    for field in fields:
        warn(f"  {field.field}: {field.problem}")
    for reference in error.references or []:
        warn(f"  still used by {reference.type} {reference.id}: {reference.name}")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _console() -> Console:
    console = Console(file=sys.stdout, highlight=False)
    return console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=_PIPE_WIDTH)


def _flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field, value in item.items():
        path = f"{prefix}{field}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value):
                yield from _flat(one, f"{path}.{number}.")
        else:
            yield path, value


def written(file: Path, content: bytes) -> None:
    """To a new file: nothing that is there is overwritten."""
    try:
        with file.open("xb") as new:
            new.write(content)
    except OSError as problem:
        raise typer.BadParameter(f"{file}: {problem.strerror}") from None
