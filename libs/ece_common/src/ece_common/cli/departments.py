"""`ece departments`."""

from typing import Annotated

import typer

from ece_common.cli.fields import Json
from ece_common.cli.output import show_list, show_one
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="The groups that aliases, queues and settings belong to.")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List departments."""
    show_list(remote(context).pages("/departments"), ("id", "name", "description"), as_json=as_json)


@app.command()
def create(
    context: typer.Context,
    name: str,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Create a department."""
    body = {"name": name, "description": description}
    show_one(remote(context).call("POST", "/departments", body), as_json=as_json)
