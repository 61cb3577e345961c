"""`ece tokens`."""

from typing import Annotated, Any, Literal

import typer

from ece_common.cli.fields import Json
from ece_common.cli.identities import TokenId, an_id
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import remote
from ece_common.contracts.access import ACTIONS

app = typer.Typer(no_args_is_help=True, help="Who may call.")

COLUMNS = (
    "id",
    "name",
    "kind",
    "instance",
    "department_ids",
    "actions",
    "created_at",
    "last_used_at",
    "expires_at",
    "revoked_at",
)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List tokens: whose they are and when they were last used, never what they are."""
    show_list(remote(context).pages("/tokens"), COLUMNS, as_json=as_json)


@app.command()
def whoami(context: typer.Context, as_json: Json = False) -> None:
    """Show whose the token in ECE_TOKEN is, and what it allows."""
    show_one(remote(context).call("GET", "/me"), as_json=as_json)


@app.command()
def mint(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose it is, for the audit log.")],
    kind: Annotated[
        Literal["administrator", "retriever", "dispatcher"], typer.Option(help="Which side it opens.")
    ] = "administrator",
    instance: Annotated[str | None, typer.Option(help="A worker's instance; its token opens no other.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="RFC 3339, such as 2030-01-31T00:00:00Z.")] = None,
    department: Annotated[
        list[int] | None,
        typer.Option(help="Only this department's resources; may be repeated.", parser=an_id("departments list")),
    ] = None,
    action: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only this one of the actions that need permission ({', '.join(ACTIONS)}); may be repeated."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once: only a hash of it is kept."""
    body: dict[str, Any] = {"name": name, "kind": kind}
    given = {"instance": instance, "expires_at": expires_at, "department_ids": department, "actions": action}
    body |= {key: value for key, value in given.items() if value}
    show_one(remote(context).call("POST", "/tokens", body), as_json=as_json)


@app.command()
def revoke(context: typer.Context, token: TokenId) -> None:
    """Let a token open nothing any more, from now on."""
    remote(context).call("DELETE", f"/tokens/{token}")
    say(f"Token {token} is revoked.")
