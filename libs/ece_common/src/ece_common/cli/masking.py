"""`ece masking-patterns`: what every resource has, and trying, importing and exporting."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Json, bytes_of, parsed, text_of
from ece_common.cli.files import saved
from ece_common.cli.identities import an_id
from ece_common.cli.output import say, show_one
from ece_common.cli.remote import Remote, remote
from ece_common.cli.resources import Resource, app_of
from ece_common.contracts.masking import MaskingPatternChange, NewMaskingPattern

_XML = "application/xml"
_PATH = "/masking-patterns"
app = app_of(
    Resource(
        noun="masking pattern",
        command="masking-patterns",
        help="What sensitive data looks like; `ece masking-channel` applies patterns to mail.",
        path=_PATH,
        columns=("id", "name", "active", "masking_character", "java_regular_expression", "apply_luhn", "linear"),
        new=NewMaskingPattern,
        change=MaskingPatternChange,
    )
)


@app.command("try", cls=taking(Shown(MaskingPatternChange, NewMaskingPattern, "Fields of --new")))
def try_(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="What to mask; read from --file or standard input when left out.")
    ] = None,
    patterns: Annotated[
        list[int] | None,
        typer.Option(
            "--pattern",
            help="A pattern's id, once for each; all active ones when left out.",
            parser=an_id("masking-patterns list"),
        ),
    ] = None,
    new: Annotated[
        list[str] | None, typer.Option(help="field=value of a pattern that is not stored; may be repeated.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="Read the text from here.")] = None,
    subject: Annotated[str, typer.Option(help="A subject to mask as well.")] = "",
    as_json: Json = False,
) -> None:
    """Say what patterns find in a text and what is left of it. Nothing is stored.

    ece masking-patterns try 'card 4111111111111111' --new 'java_regular_expression=[0-9]{16}'
    """
    api = remote(context)
    tried = _tried(api, patterns or [], parsed(new or [], NewMaskingPattern))
    body = tried | {"text": text_of(text, file, "Type the text to mask"), "subject": subject}
    show_one(api.call("POST", f"{_PATH}/evaluate", body), as_json=as_json)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="XML, as `ece masking-patterns export` writes it.")],
    as_json: Json = False,
) -> None:
    """Take all patterns of a file, or none when one is wrong. One that has the name of a stored one replaces it."""
    taken = remote(context).upload(f"{_PATH}/import", bytes_of(file), _XML)
    if as_json:
        show_one(taken, as_json=True)
        return
    for what in ("created", "overwritten"):
        say(f"{what.capitalize()}: {', '.join(taken[what]) or 'none'}.")


@app.command()
def export(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="A new file to write; standard output when left out.")] = None,
) -> None:
    """Write all patterns as XML: for a backup or another installation."""
    if file is not None:
        saved(lambda: remote(context).download(f"{_PATH}/export"), file)
        return
    content = remote(context).download(f"{_PATH}/export")
    if sys.stdout.isatty():
        say(content.decode())
    else:
        sys.stdout.buffer.write(content)


def _tried(api: Remote, ids: list[int], new: dict[str, Any]) -> dict[str, Any]:
    if new:
        return {"pattern_ids": ids, "pattern": {"name": "not stored"} | new}
    return {"pattern_ids": ids or [one["id"] for one in api.pages(_PATH) if one["active"]]}
