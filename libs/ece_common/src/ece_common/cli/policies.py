"""`ece delivery-exceptions`, `ece blocked-extensions`, `ece queues`, `ece quarantine`."""

from pathlib import Path
from typing import Annotated

import typer

from ece_common.cli.fields import Json
from ece_common.cli.output import say, show_list, show_one, written
from ece_common.cli.remote import remote
from ece_common.cli.resources import Department, Identity, Resource, Yes, app_of

delivery_exceptions = app_of(
    Resource(
        noun="delivery exception",
        help="Words and phrases by which a department knows bounced mail.",
        path="/delivery-exceptions",
        within="/delivery-exceptions",
        columns=("id", "type", "phrase", "failure", "system_provided", "name"),
        warns_when="system_provided",
        warning="It is system-provided: it will be deleted from ALL departments, also from those to come.",
    )
)
blocked_extensions = app_of(
    Resource(
        noun="blocked file extension",
        help="Kinds of files that a department lets nobody send it.",
        path="/blocked-file-extensions",
        within="/blocked-file-extensions",
        columns=("id", "blocked_file_extension", "name", "description"),
    )
)
queues = app_of(
    Resource(
        noun="queue",
        help="Where e-mails of a department wait.",
        path="/queues",
        within="/queues",
        columns=("id", "name", "is_default", "is_exception", "description"),
    )
)
quarantine = typer.Typer(no_args_is_help=True, help="Blocked attachments: look, restore, delete.")
_COLUMNS = ("id", "activity_id", "n", "direction", "name", "size", "path", "reason", "blocked_at")
Subject = Annotated[str, typer.Option(help="The subject to try.")]
From = Annotated[str, typer.Option("--from", help="The From address to try.")]


@delivery_exceptions.command("try")
def try_(
    context: typer.Context, department: Department, subject: Subject = "", from_: From = "", as_json: Json = False
) -> None:
    """Say which phrase would make a mail a bounce. Nothing is stored."""
    body = {"subject": subject, "from": from_ or None}
    verdict = remote(context).call("POST", f"/departments/{department}/delivery-exceptions/evaluate", body)
    show_one(verdict, as_json=as_json)


@quarantine.command("list")
def list_(context: typer.Context, department: Department, as_json: Json = False) -> None:
    """List a department's attachments in quarantine, with the activity of each and why it was blocked."""
    show_list(remote(context).pages(f"/departments/{department}/blocked-attachments"), _COLUMNS, as_json=as_json)


@quarantine.command()
def show(context: typer.Context, identity: Identity, as_json: Json = False) -> None:
    """Show one blocked attachment."""
    show_one(remote(context).call("GET", f"/blocked-attachments/{identity}"), as_json=as_json)


@quarantine.command()
def save(
    context: typer.Context, identity: Identity, file: Annotated[Path, typer.Argument(help="Where to write it.")]
) -> None:
    """Write a blocked attachment to a new file, to be looked into with care. It stays in quarantine."""
    written(file, remote(context).file("GET", f"/blocked-attachments/{identity}/content"))
    say(f"Written to {file}.")


@quarantine.command()
def restore(context: typer.Context, identity: Identity) -> None:
    """Make a blocked attachment available on its activity again."""
    activity = remote(context).call("POST", f"/blocked-attachments/{identity}/restore")
    say(f"It is available on activity {activity['id']}.")


@quarantine.command()
def delete(context: typer.Context, identity: Identity, yes: Yes = False) -> None:
    """Delete a blocked attachment for good, once you have confirmed it."""
    api = remote(context)
    if not yes:
        one = api.call("GET", f"/blocked-attachments/{identity}")
        say(f"Attachment {one['name']!r} of activity {one['activity_id']}: {one['reason']}")
        if not typer.confirm("Delete it for good?", default=False):
            say("Not deleted.")
            raise typer.Exit(1)
    api.call("DELETE", f"/blocked-attachments/{identity}")
    say(f"Blocked attachment {identity} is deleted.")
