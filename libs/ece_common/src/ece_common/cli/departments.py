"""`ece departments`."""

from typing import Annotated

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, Yes, parsed
from ece_common.cli.identities import DepartmentId
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import remote
from ece_common.contracts.departments import DepartmentChange

app = typer.Typer(no_args_is_help=True, help="The groups that aliases, queues and settings belong to.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List departments."""
    show_list(remote(context).pages("/departments"), ("id", "name", "description"), as_json=as_json)


@app.command()
def show(context: typer.Context, department: DepartmentId, as_json: Json = False) -> None:
    """Show one department; `ece settings show --department` shows its settings."""
    show_one(remote(context).call("GET", f"/departments/{department}"), as_json=as_json)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it; no other department has it.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Create a department."""
    body = {"name": name, "description": description}
    show_one(remote(context).call("POST", "/departments", body), as_json=as_json)


@app.command("set", cls=taking(Shown(DepartmentChange)))
def set_(context: typer.Context, department: DepartmentId, fields: Given, as_json: Json = False) -> None:
    """Change name or description; for its settings there is `ece settings set --department`."""
    show_one(
        remote(context).call("PATCH", f"/departments/{department}", parsed(fields, DepartmentChange)), as_json=as_json
    )


@app.command()
def delete(
    context: typer.Context,
    department: DepartmentId,
    yes: Yes = False,
) -> None:
    """Delete a department that nothing refers to any more, once you have confirmed it."""
    api = remote(context)
    if not yes:
        agreed(f"Department {department}: {api.call('GET', f'/departments/{department}')['name']}")
    api.call("DELETE", f"/departments/{department}")
    say(f"Department {department} is deleted.")
