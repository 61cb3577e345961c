"""What the command line prints: tables for people, JSON for programs, complaints on stderr."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ece_common.cli import tables
from ece_common.cli.wording import referring, spoken
from ece_common.errors import EceError

_HEADER = {"name", "value"}


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
    flat = [dict(_flat(item)) for item in items]
    rows = [{column: safe(one.get(column)) for column in columns} for one in flat]
    console = _console()
    if console.is_terminal:
        _show_fitted(console, rows, columns)
        return
    for line in tables.plain(rows, columns):
        sys.stdout.write(line + "\n")


def _show_fitted(console: Console, rows: Sequence[tables.Row], columns: Sequence[str]) -> None:
    if not rows:
        warn("There are none.")
        return
    rows = [{column: tables.brief(text) for column, text in row.items()} for row in rows]
    fitted = tables.fitted(rows, columns, console.width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column, width in fitted.widths.items():
        table.add_column(tables.heading(column, width), width=width, overflow="fold")
    for row in rows:
        table.add_row(*(Text(tables.shortened(row[one], one, width)) for one, width in fitted.widths.items()))
    console.print(table)
    if fitted.left_out:
        warn(f"Not shown, the terminal is too narrow: {', '.join(fitted.left_out)}. --json shows all.")


def show_one(item: Mapping[str, Any], *, as_json: bool) -> None:
    """A line a field."""
    if as_json:
        _print_json(item)
        return
    fields = [(field, safe(value)) for field, value in _flat(item)]
    console = _console()
    if not console.is_terminal:
        widest = max((len(field) for field, _ in fields), default=0)
        for field, value in fields:
            indented = value.rstrip("\n").replace("\n", "\n" + " " * (widest + 2))
            sys.stdout.write(f" {field:{widest}} {indented}".rstrip() + "\n")
        return
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for field, value in fields:
        table.add_row(Text(field), Text(value.rstrip("\n")))
    console.print(table)


def show_test(answer: Mapping[str, Any], columns: Sequence[str], *, as_json: bool) -> None:
    """What was tried, a row a step, and what came of it; ends the command with 1 when a step failed."""
    if as_json:
        _print_json(answer)
    else:
        show_list(answer["steps"], columns, as_json=False)
        say(answer.get("message") or ("No step failed." if answer["ok"] else "A step failed."))
    if not answer["ok"]:
        raise typer.Exit(1)


def show_line(item: Mapping[str, Any]) -> None:
    """One JSON object a line, at once: for a stream."""
    sys.stdout.write(json.dumps(item) + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    sys.stdout.write(safe(text) + "\n")


def warn(text: str) -> None:
    sys.stderr.write(safe(text) + "\n")


def agreed(what: str, question: str = "Delete it?", otherwise: str = "Not deleted.") -> None:
    """Show what it is about and ask; any answer but yes ends the command with 1."""
    say(what)
    if not typer.confirm(question, default=False):
        say(otherwise)
        raise typer.Exit(1)


def complain(error: EceError) -> None:
    """What the service refused: title, what is wrong, each field, and what still refers to the thing."""
    references = error.references or []
    kinds = [reference.type for reference in references]
    warn(f"{error.title} ({error.code})")
    fields = error.errors or []
    if error.detail and not fields:
        warn(f"  {spoken(error.detail, kinds)}")
    for field in fields:
        warn(f"  {field.field}: {spoken(field.problem, kinds)}")
    for reference in references:
        warn(f"  {referring(reference, error.code)}")


def object_to(error: EceError) -> None:
    """What was wrong with the command itself."""
    for field in error.errors or []:
        warn(f"{field.field}: {field.problem}")
    if not error.errors:
        warn(error.detail)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False)


def _flat(item: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field, value in item.items():
        path = f"{prefix}{field}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value):
                if one.keys() == _HEADER:
                    yield f"{path}.{safe(one['name'])}", one["value"]
                else:
                    yield from _flat(one, f"{path}.{number}.")
        else:
            yield path, value
