"""`ece quarantine`: blocked attachments."""

from pathlib import Path

import typer

from ece_common.cli.fields import Json, Yes
from ece_common.cli.files import Target, saved
from ece_common.cli.identities import BlockedId, DepartmentId
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="Blocked attachments: look, save, restore, delete.")
_COLUMNS = ("id", "activity_id", "n", "direction", "name", "size", "path", "reason", "blocked_at")


@app.command("list")
def list_(context: typer.Context, department: DepartmentId, as_json: Json = False) -> None:
    """List a department's attachments in quarantine, with the activity of each and why it was blocked."""
    show_list(remote(context).pages(f"/departments/{department}/blocked-attachments"), _COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, identity: BlockedId, as_json: Json = False) -> None:
    """Show one blocked attachment."""
    show_one(remote(context).call("GET", f"/blocked-attachments/{identity}"), as_json=as_json)


@app.command()
def save(context: typer.Context, identity: BlockedId, file: Target = None) -> None:
    """Save a blocked attachment in a file, to be looked into with care. It stays in quarantine."""
    # Not by its own name: nobody should open it by mistake.
    target = file or Path(f"blocked-attachment-{identity}.quarantined")
    saved(lambda: remote(context).download(f"/blocked-attachments/{identity}/content"), target)


@app.command()
def restore(context: typer.Context, identity: BlockedId) -> None:
    """Make a blocked attachment available on its activity again."""
    activity = remote(context).call("POST", f"/blocked-attachments/{identity}/restore")
    say(f"It is available on activity {activity['id']}.")
    if activity["direction"] == "outbound":
        # Stripped when it was written: nothing adds it to what has left.
        say("The mail was sent without it; send it again (`ece activities save`, then `compose --attach`).")


@app.command()
def delete(context: typer.Context, identity: BlockedId, yes: Yes = False) -> None:
    """Delete a blocked attachment for good, once you have confirmed it."""
    api = remote(context)
    if not yes:
        one = api.call("GET", f"/blocked-attachments/{identity}")
        agreed(f"Attachment {one['name']!r} of activity {one['activity_id']}: {one['reason']}", "Delete it for good?")
    api.call("DELETE", f"/blocked-attachments/{identity}")
    say(f"Blocked attachment {identity} is deleted.")
