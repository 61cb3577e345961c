"""`ece workflows`: rules are long, so they are read from a file of JSON."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.fields import Json, content_of
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import refuse, remote
from ece_common.cli.resources import Department, Identity, Yes
from ece_common.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="Rules that say where a mail goes and what happens to it.")
_COLUMNS = ("id", "name", "active", "on_exception_queue", "alias_ids", "description")
File = Annotated[
    Path, typer.Argument(help="JSON as the docs page shows it; `ece workflows show N --json` writes it.")
]
Activity = Annotated[int, typer.Argument(help="The id of an activity, from `ece activities list`.")]
_READ_ONLY = ("id", "department_id", "created_at", "updated_at")


@app.command("list")
def list_(context: typer.Context, department: Department, as_json: Json = False) -> None:
    """List a department's workflows."""
    show_list(remote(context).pages(f"/departments/{department}/workflows"), _COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, identity: Identity, as_json: Json = False) -> None:
    """Show one workflow with its rules."""
    show_one(remote(context).call("GET", f"/workflows/{identity}"), as_json=as_json)


@app.command()
def create(context: typer.Context, department: Department, file: File, as_json: Json = False) -> None:
    """Create a workflow from a file. It is in force for the next mail."""
    made = remote(context).call("POST", f"/departments/{department}/workflows", _workflow(file))
    show_one(made, as_json=as_json)


@app.command("set")
def set_(context: typer.Context, identity: Identity, file: File, as_json: Json = False) -> None:
    """Change what the file names; its lists replace the ones there as a whole."""
    show_one(remote(context).call("PATCH", f"/workflows/{identity}", _workflow(file)), as_json=as_json)


@app.command("try")
def try_(context: typer.Context, identity: Identity, activity: Activity, as_json: Json = False) -> None:
    """Say which rules match an activity and what they would do. Nothing is changed."""
    body = {"activity_id": activity}
    show_one(remote(context).call("POST", f"/workflows/{identity}/evaluate", body), as_json=as_json)


@app.command()
def delete(context: typer.Context, identity: Identity, yes: Yes = False) -> None:
    """Delete a workflow, once you have confirmed it. Mail of its aliases then goes to the default queue."""
    api = remote(context)
    if not yes:
        say(f"Workflow {identity}: {api.call('GET', f'/workflows/{identity}')['name']}")
        if not typer.confirm("Delete it?", default=False):
            say("Not deleted.")
            raise typer.Exit(1)
    api.call("DELETE", f"/workflows/{identity}")
    say(f"Workflow {identity} is deleted.")


def _workflow(file: Path) -> dict[str, Any]:
    """What a file says, without what only an answer has. Prints what is wrong and ends the command otherwise."""
    try:
        found = json.loads(content_of(file))
    except ValueError as problem:
        refuse(Invalid.field("file", f"is not JSON: {problem}"))
    if not isinstance(found, dict):
        refuse(Invalid.field("file", "must hold one JSON object, a workflow"))
    return {name: value for name, value in found.items() if name not in _READ_ONLY}
