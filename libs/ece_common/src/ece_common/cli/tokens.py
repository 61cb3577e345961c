"""`ece tokens`."""

from typing import Annotated, Any, Literal

import typer

from ece_common.cli.fields import Json
from ece_common.cli.output import show_one
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="Who may call.")


@app.callback()
def tokens() -> None:
    """Keeps `mint` a command of its own although it is the only one."""


@app.command()
def mint(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is, for the audit log.")],
    kind: Annotated[Literal["administrator", "retriever", "dispatcher"], typer.Option()] = "administrator",
    instance: Annotated[str | None, typer.Option(help="A worker's instance; its token opens no other.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="RFC 3339, such as 2030-01-31T00:00:00Z.")] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once: only a hash of it is kept."""
    body: dict[str, Any] = {"name": name, "kind": kind}
    body |= {key: value for key, value in (("instance", instance), ("expires_at", expires_at)) if value is not None}
    show_one(remote(context).call("POST", "/tokens", body), as_json=as_json)
