"""`ece masking-patterns`: beyond the patterns themselves, where they are applied, and trying them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ece_common.cli.fields import Json, parsed
from ece_common.cli.output import say, show_one, written
from ece_common.cli.remote import remote
from ece_common.cli.resources import Resource, app_of

app = app_of(
    Resource(
        noun="masking pattern",
        help="What sensitive data looks like; a channel applies patterns to mail.",
        path="/masking-patterns",
        columns=("id", "name", "active", "masking_character", "java_regular_expression", "apply_luhn", "linear"),
    )
)
Pattern = Annotated[list[int], typer.Option("--pattern", help="A pattern's id, from `list`; once for each.")]
Applied = Annotated[
    list[int] | None,
    typer.Option("--pattern", help="The patterns to apply, in their order, instead of those before."),
]
Switches = Annotated[list[str] | None, typer.Argument(help="field=value")]
Whose = Annotated[int | None, typer.Option("--department", help="Of a department; left out: the partition's.")]


@app.command("try")
def try_(context: typer.Context, text: str, pattern: Pattern, as_json: Json = False) -> None:
    """Say what stored patterns would mask in a text. Nothing is stored."""
    body = {"text": text, "pattern_ids": pattern}
    show_one(remote(context).call("POST", "/masking-patterns/evaluate", body), as_json=as_json)


@app.command()
def channel(
    context: typer.Context,
    fields: Switches = None,
    pattern: Applied = None,
    department: Whose = None,
    as_json: Json = False,
) -> None:
    """Show what is masked in mail, or change it: `mask_incoming=true --pattern 1 --pattern 2`."""
    path = "/masking-channel" if department is None else f"/departments/{department}/masking-channel"
    changes = parsed(fields or []) | ({"pattern_ids": pattern} if pattern else {})
    api = remote(context)
    show_one(api.call("PATCH", path, changes) if changes else api.call("GET", path), as_json=as_json)


@app.command("export")
def export_(context: typer.Context, file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write all patterns to a new file, as XML."""
    written(file, remote(context).file("GET", "/masking-patterns/export"))
    say(f"Written to {file}.")


@app.command("import")
def import_(
    context: typer.Context, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="XML.")]
) -> None:
    """Take all patterns of a file, or none. Patterns of the same names are overwritten."""
    taken = json.loads(remote(context).file("POST", "/masking-patterns/import", file.read_bytes()))
    say(
        f"Created: {', '.join(taken['created']) or 'none'}. Overwritten: {', '.join(taken['overwritten']) or 'none'}."
    )
