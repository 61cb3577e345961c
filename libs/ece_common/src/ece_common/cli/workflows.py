"""`ece workflows`: rules are long, so they are read from a file of JSON."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.fields import Json, Yes, bytes_of
from ece_common.cli.identities import DepartmentId, an_id, given
from ece_common.cli.mails import tried
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import misused, remote
from ece_common.contracts.activities import Subtype
from ece_common.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="Rules that say where a mail goes and what happens to it.")
_COLUMNS = ("id", "name", "active", "on_exception_queue", "alias_ids", "description")
File = Annotated[
    Path, typer.Argument(help="JSON as the docs page shows it; `ece workflows show N --json` writes it.")
]
WorkflowId = Annotated[int, given("Its id", "workflows list DEPARTMENT")]
_READ_ONLY = ("id", "department_id", "created_at", "updated_at")


@app.command("list")
def list_(context: typer.Context, department: DepartmentId, as_json: Json = False) -> None:
    """List a department's workflows."""
    show_list(remote(context).pages(f"/departments/{department}/workflows"), _COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, identity: WorkflowId, as_json: Json = False) -> None:
    """Show one workflow with its rules."""
    show_one(remote(context).call("GET", f"/workflows/{identity}"), as_json=as_json)


@app.command()
def create(context: typer.Context, department: DepartmentId, file: File, as_json: Json = False) -> None:
    """Create a workflow from a file. It is in force for the next mail."""
    made = remote(context).call("POST", f"/departments/{department}/workflows", _workflow(file))
    show_one(made, as_json=as_json)


@app.command("set")
def set_(context: typer.Context, identity: WorkflowId, file: File, as_json: Json = False) -> None:
    """Change what the file names; its lists replace the ones there as a whole."""
    show_one(remote(context).call("PATCH", f"/workflows/{identity}", _workflow(file)), as_json=as_json)


@app.command("try")
def try_(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    identity: WorkflowId,
    activity: Annotated[
        int | None,
        typer.Argument(
            help="An activity of its department, from `ece activities list`.", parser=an_id("activities list")
        ),
    ] = None,
    mail: Annotated[Path | None, typer.Option(help="A mail in a file (.eml) instead of an activity.")] = None,
    alias: Annotated[str, typer.Option(help="With --mail: the address of the alias that it came to.")] = "",
    subtype: Annotated[Subtype, typer.Option(help="With --mail: what it was recognised as.")] = "email",
    as_json: Json = False,
) -> None:
    """Say which rules match an activity or a mail, and what they would do. Nothing is changed.

    ece workflows try 3 17
    ece workflows try 3 --mail complaint.eml --alias support@example.com
    """
    if (activity is None) == (mail is None):
        misused(Invalid.field("activity", "give either the id of an activity or --mail with a file"))
    if mail is None:
        body: dict[str, Any] = {"activity_id": activity}
    else:
        found = tried(bytes_of(mail))
        if not found.get("headers"):
            misused(Invalid.field("--mail", f"{mail} is no mail: it begins with no header field such as From:"))
        named = alias or next(iter(found.get("to", [])), "")
        body = {"mail": found | {"alias": named, "subtype": subtype}}
    show_one(remote(context).call("POST", f"/workflows/{identity}/evaluate", body), as_json=as_json)


@app.command()
def delete(context: typer.Context, identity: WorkflowId, yes: Yes = False) -> None:
    """Delete a workflow, once you have confirmed it. Mail of its aliases then goes to the default queue."""
    api = remote(context)
    if not yes:
        agreed(f"Workflow {identity}: {api.call('GET', f'/workflows/{identity}')['name']}")
    api.call("DELETE", f"/workflows/{identity}")
    say(f"Workflow {identity} is deleted.")


def _workflow(file: Path) -> dict[str, Any]:
    """What a file says, without what only an answer has. Prints what is wrong and ends the command otherwise."""
    try:
        found = json.loads(bytes_of(file))
    except ValueError as problem:
        misused(Invalid.field("file", f"is not JSON: {problem}"))
    if not isinstance(found, dict):
        misused(Invalid.field("file", "must hold one JSON object, a workflow"))
    return {name: value for name, value in found.items() if name not in _READ_ONLY}
