"""`ece departments`."""

from typing import Annotated

import typer

from ece_common.cli.fields import Json, parsed
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="The groups that aliases, queues and settings belong to.")

Fields = Annotated[list[str], typer.Argument(help="field=value, such as description=...")]
DepartmentId = Annotated[int, typer.Argument(help="The department's id, from `ece departments list`.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List departments."""
    show_list(remote(context).pages("/departments"), ("id", "name", "description"), as_json=as_json)


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


@app.command("set")
def set_(context: typer.Context, department: DepartmentId, fields: Fields, as_json: Json = False) -> None:
    """Change a department: name=..., description=..."""
    show_one(remote(context).call("PATCH", f"/departments/{department}", parsed(fields)), as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    department: DepartmentId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Delete a department that nothing refers to any more, once you have confirmed it."""
    api = remote(context)
    if not yes:
        say(f"Department {department}: {api.call('GET', f'/departments/{department}')['name']}")
        if not typer.confirm("Delete it?", default=False):
            say("Not deleted.")
            raise typer.Exit(1)
    api.call("DELETE", f"/departments/{department}")
    say(f"Department {department} is deleted.")
