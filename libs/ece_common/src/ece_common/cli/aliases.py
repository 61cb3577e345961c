"""`ece aliases`: the addresses customers write to."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.fields import Json, asked_password, parsed
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import Remote, refuse, remote
from ece_common.errors import Invalid

app = typer.Typer(no_args_is_help=True, help="The addresses customers write to, and their servers.")

STEPS = ("side", "step", "outcome", "detail", "hint")
HISTORY = ("at", "from", "to", "reason", "attempts", "changed_by", "detail")
COLUMNS = (
    "id",
    "department_id",
    "name",
    "email_address",
    "status",
    "status_reason",
    "default_alias",
    "retriever_instance",
)

AliasId = Annotated[int, typer.Argument(help="The alias's id, from `ece aliases list`.")]
Fields = Annotated[list[str], typer.Argument(help="field=value, such as incoming.server_name=mail.example.com")]
IncomingFile = Annotated[Path | None, typer.Option(help="Read the incoming password from here instead of asking.")]
OutgoingFile = Annotated[Path | None, typer.Option(help="Read the outgoing password from here instead of asking.")]


@app.command("list")
def list_(
    context: typer.Context,
    department: Annotated[int | None, typer.Argument(help="Only this department's; all when left out.")] = None,
    as_json: Json = False,
) -> None:
    """List aliases with their status."""
    api = remote(context)
    ids = [department] if department is not None else [one["id"] for one in api.pages("/departments")]
    found = [alias for one in ids for alias in api.pages(f"/departments/{one}/aliases")]
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, alias: AliasId, as_json: Json = False) -> None:
    """Show one alias with all its fields."""
    show_one(remote(context).call("GET", f"/aliases/{alias}"), as_json=as_json)


@app.command()
def history(
    context: typer.Context,
    alias: AliasId,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show each change of its status: when, why, by whom, and what the mail server said."""
    found = remote(context).pages(f"/aliases/{alias}/status-transitions", limit=limit)
    show_list(found, HISTORY, as_json=as_json)


@app.command()
def create(
    context: typer.Context,
    department: Annotated[int, typer.Argument(help="The department's id.")],
    fields: Fields,
    incoming_password_file: IncomingFile = None,
    outgoing_password_file: OutgoingFile = None,
    as_json: Json = False,
) -> None:
    """Create an alias. Passwords are asked for, twice each.

    ece aliases create 1 name=Support email_address=support@example.com incoming.server_type=IMAP
    incoming.server_name=mail.example.com incoming.user_name=support outgoing.server_name=smtp.example.com
    retriever_instance=default
    """
    body = parsed(fields)
    _part(body, "incoming").update(asked_password("Incoming password", incoming_password_file))
    # Only ESMTP knows users and passwords; a server without authentication has neither.
    if outgoing_password_file is not None or "user_name" in _part(body, "outgoing"):
        _part(body, "outgoing").update(asked_password("Outgoing password", outgoing_password_file))
    show_one(remote(context).call("POST", f"/departments/{department}/aliases", body), as_json=as_json)


@app.command("set")
def set_(
    context: typer.Context,
    alias: AliasId,
    fields: Annotated[list[str] | None, typer.Argument(help="field=value; null clears a field.")] = None,
    passwords: Annotated[
        list[str] | None,
        typer.Option(
            "--password", help="incoming or outgoing: ask for a new one; incoming=FILE: read it from there."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change fields of an alias; what is not named stays. Moving to another server needs the password again."""
    body = parsed(fields or [])
    for password in passwords or []:
        side, _, file = password.partition("=")
        if side not in ("incoming", "outgoing"):
            raise typer.BadParameter("must be incoming or outgoing", param_hint="--password")
        _part(body, side).update(asked_password(f"{side.capitalize()} password", Path(file) if file else None))
    if not body:
        refuse(Invalid.field("fields", "name at least one as field=value, or --password"))
    show_one(remote(context).call("PATCH", f"/aliases/{alias}", body), as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    alias: AliasId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Delete an alias, once you have confirmed it."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/aliases/{alias}")
        say(f"Alias {alias}: {found['name']} <{found['email_address']}>")
        if not typer.confirm("Delete it?", default=False):
            say("Not deleted.")
            raise typer.Exit(1)
    api.call("DELETE", f"/aliases/{alias}")
    say(f"Alias {alias} is deleted.")


@app.command()
def activate(context: typer.Context, alias: AliasId) -> None:
    """Retrieve its mail again."""
    _set_status(remote(context), alias, "active")


@app.command()
def deactivate(context: typer.Context, alias: AliasId) -> None:
    """Retrieve no more of its mail; its answers are still sent."""
    _set_status(remote(context), alias, "inactive")


@app.command("test")
def try_servers(context: typer.Context, alias: AliasId, as_json: Json = False) -> None:
    """Try both servers step by step, from where the workers are. Exit code 1 when a step failed."""
    answer = remote(context).call("POST", f"/aliases/{alias}/test-connection", {})
    if as_json:
        show_one(answer, as_json=True)
    else:
        show_list(answer["steps"], STEPS, as_json=False)
        say(answer["message"])
    if not answer["ok"]:
        raise typer.Exit(1)


def _set_status(api: Remote, alias: int, status: str) -> None:
    changed = api.call("PATCH", f"/aliases/{alias}", {"status": status})
    say(f"Alias {alias} ({changed['email_address']}) is {changed['status']}.")


def _part(body: dict[str, Any], side: str) -> dict[str, Any]:
    part = body.setdefault(side, {})
    if not isinstance(part, dict):
        raise typer.BadParameter(f"{side} has fields of its own, such as {side}.server_name", param_hint=side)
    return part
