"""`ece activities`: e-mails in and out, and who works on them."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from ece_common.cli import writing
from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, Yes, parsed
from ece_common.cli.files import Target, harmless, saved
from ece_common.cli.filters import Limit, filtering, tell_of_more
from ece_common.cli.identities import ActivityId, DepartmentId, an_id
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import Remote, matching, refuse, remote
from ece_common.contracts.activities import ActivityChange, ActivityStatus, Direction, Subtype
from ece_common.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="E-mails in and out, and who works on them.")

COLUMNS = (
    "id", "direction", "subtype", "status", "assigned_to", "queue_id", "priority", "from", "to", "subject",
    "received_at",
)  # fmt: skip
_FILTERS = (
    "field=value: order=oldest|newest, department_id, alias_id, queue_id, parent_id, assigned_to, from, "
    f"since=2030-01-31T09:00:00Z, direction={'|'.join(get_args(Direction))}, "
    f"status={' | '.join(get_args(ActivityStatus))}, subtype={' | '.join(get_args(Subtype))}"
)


@app.command("list")
def list_(
    context: typer.Context,
    filters: Annotated[list[str] | None, typer.Argument(help=_FILTERS)] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List activities, filtered by field=value; the oldest first unless order=newest."""
    found = remote(context).pages("/activities", params=filtering(filters or []), limit=limit)
    show_list(found, COLUMNS, as_json=as_json)
    tell_of_more(found, limit)


@app.command()
def show(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Show one activity whole."""
    show_one(remote(context).call("GET", f"/activities/{activity}"), as_json=as_json)


writing.add_to(app)


@app.command()
def assign(
    context: typer.Context,
    activity: ActivityId,
    to: Annotated[str, typer.Argument(help="Who works on it from now on.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give an activity to somebody; also how one is picked from the exception queue. Asks before taking one away."""
    api = remote(context)
    found, etag = api.call_with_etag("GET", f"/activities/{activity}")
    holder = found["assigned_to"]
    if holder not in {None, to} and not yes:
        agreed(f"Activity {activity} is {holder}'s: {found['subject']}", f"Give it to {to}?", "Not assigned.")
    _assign(api, activity, to, matching(etag), as_json=as_json)


@app.command("give-back")
def give_back(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Take an activity from whoever has it: it waits in its queue again."""
    _assign(remote(context), activity, None, {}, as_json=as_json)


def _assign(api: Remote, activity: int, to: str | None, headers: dict[str, str], *, as_json: bool) -> None:
    done = api.call("POST", f"/activities/{activity}/assign", {"assigned_to": to}, headers=headers)
    _tell(done, as_json=as_json)


@app.command("set", cls=taking(Shown(ActivityChange)))
def set_(context: typer.Context, activity: ActivityId, fields: Given, as_json: Json = False) -> None:
    """Change the status of an incoming e-mail, or move it to another queue of its department.

    ece activities set 17 status=completed queue_id=3
    """
    _tell(remote(context).call("PATCH", f"/activities/{activity}", parsed(fields, ActivityChange)), as_json=as_json)


def _tell(done: dict[str, Any], *, as_json: bool) -> None:
    """The result in a line: the whole mail would bury it."""
    if as_json:
        show_one(done, as_json=True)
        return
    place = f"queue {done['queue_id']} of department {done['department_id']}"
    status = done["status"].replace("_", " ")
    say(f"Activity {done['id']} is {status} in {place}, assigned to {done['assigned_to'] or 'nobody'}.")


@app.command()
def transfer(
    context: typer.Context,
    activity: ActivityId,
    department: DepartmentId,
    queue: Annotated[
        int | None,
        typer.Option(help="A queue there; its default queue when left out.", parser=an_id("queues list")),
    ] = None,
    note: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
    as_json: Json = False,
) -> None:
    """Transfer an incoming e-mail to another department."""
    body = {"department_id": department, "queue_id": queue, "note": note}
    _tell(remote(context).call("POST", f"/activities/{activity}/transfer", body), as_json=as_json)


@app.command()
def save(
    context: typer.Context,
    activity: ActivityId,
    number: Annotated[int, typer.Argument(min=1, help="The attachment's n, from `ece activities show`.")],
    file: Target = None,
) -> None:
    """Save an attachment in a file."""
    api = remote(context)
    if file is None:
        attachments = api.call("GET", f"/activities/{activity}")["attachments"]
        named = [one["name"] for one in attachments if one["n"] == number]
        if not named:
            refuse(NotFound(f"activity {activity} has no attachment {number}; it has {len(attachments)}"))
        file = harmless(named[0], f"attachment-{activity}-{number}")
    saved(lambda: api.download(f"/activities/{activity}/attachments/{number}/content"), file)


@app.command()
def original(context: typer.Context, activity: ActivityId, file: Target = None) -> None:
    """Save an incoming mail as the mail server had it; not kept when it was masked or something was blocked."""
    target = file or Path(f"activity-{activity}.eml")
    saved(lambda: remote(context).download(f"/activities/{activity}/original"), target)


@app.command()
def delivery(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Show what became of an outgoing e-mail, recipient by recipient, in the mail server's words."""
    show_one(remote(context).call("GET", f"/activities/{activity}/delivery"), as_json=as_json)


@app.command()
def retry(context: typer.Context, activity: ActivityId, yes: Yes = False, as_json: Json = False) -> None:
    """Try a delivery now: it failed, is queued, or its outcome is uncertain, which is asked about first."""
    api = remote(context)
    if not yes and api.call("GET", f"/activities/{activity}/delivery")["status"] == "uncertain":
        agreed(
            "Nobody knows whether it arrived: the recipient may get it twice.", "Send it again?", "Not sent again."
        )
    show_one(api.call("POST", f"/activities/{activity}/delivery/retry"), as_json=as_json)


@app.command()
def cancel(context: typer.Context, activity: ActivityId, yes: Yes = False, as_json: Json = False) -> None:
    """Send an outgoing e-mail no more that is queued or uncertain, once you have confirmed it."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/activities/{activity}")
        told = f"Activity {activity} to {', '.join(found['to'])}: {found['subject']}"
        agreed(told, "Cancel its delivery?", "Not cancelled.")
    show_one(api.call("POST", f"/activities/{activity}/delivery/cancel"), as_json=as_json)


@app.command()
def reprocess(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Have a mail read again that could not be read; exits with 1 when it still cannot."""
    done = remote(context).call("POST", f"/activities/{activity}/reprocess")
    show_one(done, as_json=as_json)
    if done["outcome"] != "reprocessed":
        raise typer.Exit(1)
