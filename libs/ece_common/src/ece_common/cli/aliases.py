"""`ece aliases`: the addresses customers write to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, MaybeGiven, Yes, asked_password, parsed, some
from ece_common.cli.identities import AliasId, DepartmentId, SomeDepartmentId
from ece_common.cli.output import agreed, say, show_list, show_one, show_test, warn
from ece_common.cli.remote import Remote, remote
from ece_common.cli.resources import of_departments
from ece_common.contracts.aliases import AliasChange, AliasStatus, NewAlias

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

Passwords = Annotated[
    list[str] | None,
    typer.Option("--password", help="incoming or outgoing: ask for it; incoming=FILE: read it from there."),
]
IncomingFile = Annotated[Path | None, typer.Option(help="The same as --password incoming=FILE.")]
OutgoingFile = Annotated[Path | None, typer.Option(help="The same as --password outgoing=FILE.")]
_SIDES = ("incoming", "outgoing")


@app.command("list")
def list_(
    context: typer.Context,
    department: SomeDepartmentId = None,
    status: Annotated[AliasStatus | None, typer.Option(help="Only those of this status.")] = None,
    as_json: Json = False,
) -> None:
    """List aliases with their status; those in an account: `ece accounts aliases`."""
    wanted = {"status": status} if status is not None else {}
    show_list(of_departments(remote(context), department, "/aliases", wanted), COLUMNS, as_json=as_json)


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


@app.command(cls=taking(Shown(NewAlias)))
def create(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    department: DepartmentId,
    fields: Given,
    passwords: Passwords = None,
    incoming_password_file: IncomingFile = None,
    outgoing_password_file: OutgoingFile = None,
    as_json: Json = False,
) -> None:
    """Create an alias. Passwords are asked for, twice each, unless they are read from files.

    ece aliases create 1 name=Support email_address=support@example.com incoming.server_type=IMAP
    incoming.server_name=mail.example.com incoming.user_name=support outgoing.server_name=smtp.example.com
    retriever_instance=default
    """
    body = parsed(fields, NewAlias)
    files = _files(passwords, incoming_password_file, outgoing_password_file)
    # Only ESMTP knows users and passwords; a server without authentication has neither.
    needed = ["incoming", *(["outgoing"] if "outgoing" in files or "user_name" in _part(body, "outgoing") else [])]
    _ask(body, {side: files.get(side) for side in needed})
    made(remote(context).call("POST", f"/departments/{department}/aliases", body), as_json=as_json)


def made(alias: Mapping[str, Any], *, as_json: bool) -> None:
    """A new alias, and what it still lacks for its mail to be retrieved."""
    show_one(alias, as_json=as_json)
    if alias.get("retriever_instance") is None:
        warn(f"Nobody retrieves its mail yet: ece instances add-alias default {alias.get('id')}")


@app.command("set", cls=taking(Shown(AliasChange, NewAlias)))
def set_(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    alias: AliasId,
    fields: MaybeGiven = None,
    passwords: Passwords = None,
    incoming_password_file: IncomingFile = None,
    outgoing_password_file: OutgoingFile = None,
    as_json: Json = False,
) -> None:
    """Change fields of an alias; what is not named stays. Moving to another server needs the password again.

    ece aliases set 7 incoming.user_name=support --password incoming
    """
    body = parsed(fields or [], AliasChange)
    _ask(body, _files(passwords, incoming_password_file, outgoing_password_file))
    show_one(remote(context).call("PATCH", f"/aliases/{alias}", some(body, ", or --password")), as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    alias: AliasId,
    yes: Yes = False,
) -> None:
    """Delete an alias, once you have confirmed it."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/aliases/{alias}")
        agreed(f"Alias {alias}: {found['name']} <{found['email_address']}>")
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
    show_test(remote(context).call("POST", f"/aliases/{alias}/test-connection", {}), STEPS, as_json=as_json)


def _set_status(api: Remote, alias: int, status: str) -> None:
    changed = api.call("PATCH", f"/aliases/{alias}", {"status": status})
    say(f"Alias {alias} ({changed['email_address']}) is {changed['status']}.")


def _files(passwords: list[str] | None, incoming: Path | None, outgoing: Path | None) -> dict[str, Path | None]:
    """Which passwords are given, by side; None: to be asked for."""
    files: dict[str, Path | None] = {}
    for password in passwords or []:
        side, _, file = password.partition("=")
        if side not in _SIDES:
            raise typer.BadParameter(
                "must be incoming or outgoing, alone or as incoming=FILE", param_hint="--password"
            )
        files[side] = Path(file) if file else None
    return files | {side: file for side, file in zip(_SIDES, (incoming, outgoing), strict=True) if file is not None}


def _ask(body: dict[str, Any], files: dict[str, Path | None]) -> None:
    for side, file in files.items():
        _part(body, side).update(asked_password(f"{side.capitalize()} password", file))


def _part(body: dict[str, Any], side: str) -> dict[str, Any]:
    part = body.setdefault(side, {})
    if not isinstance(part, dict):
        raise typer.BadParameter(f"{side} has fields of its own, such as {side}.server_name", param_hint=side)
    return part
