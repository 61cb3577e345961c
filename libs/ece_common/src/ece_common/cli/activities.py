"""`ece activities`: e-mails in and out."""

import sys
from typing import Annotated

import typer

from ece_common.cli.fields import Json, parsed
from ece_common.cli.output import show_list, show_one
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="E-mails in and out.")

COLUMNS = ("id", "direction", "subtype", "status", "from", "to", "subject", "received_at")
ActivityId = Annotated[int, typer.Argument(help="The activity's id.")]


@app.command("list")
def list_(
    context: typer.Context,
    filters: Annotated[
        list[str] | None, typer.Argument(help="department_id=, alias_id=, status=, since= ...")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List activities, filtered by field=value."""
    chosen = {name: str(value) for name, value in parsed(filters or []).items()}
    show_list(remote(context).pages("/activities", params=chosen, limit=limit), COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Show one activity whole."""
    show_one(remote(context).call("GET", f"/activities/{activity}"), as_json=as_json)


@app.command()
def reply(
    context: typer.Context,
    activity: ActivityId,
    text: Annotated[str | None, typer.Option(help="What to answer; read from standard input when left out.")] = None,
    subject: Annotated[str | None, typer.Option(help="Another subject than Re: ...")] = None,
    key: Annotated[str | None, typer.Option(help="With the same key a repeated command sends nothing twice.")] = None,
    as_json: Json = False,
) -> None:
    """Answer an activity; recipients, sender and subject follow from it."""
    body: dict[str, str] = {"text": sys.stdin.read() if text is None else text}
    if subject is not None:
        body["subject"] = subject
    headers = {"Idempotency-Key": key} if key is not None else None
    made = remote(context).call("POST", f"/activities/{activity}/replies", body, headers=headers)
    show_one(made, as_json=as_json)


@app.command()
def delivery(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Show what became of an outgoing e-mail, recipient by recipient, in the mail server's words."""
    show_one(remote(context).call("GET", f"/activities/{activity}/delivery"), as_json=as_json)


@app.command()
def reprocess(context: typer.Context, activity: ActivityId, as_json: Json = False) -> None:
    """Have a mail read again that could not be read; exits with 1 when it still cannot."""
    done = remote(context).call("POST", f"/activities/{activity}/reprocess")
    show_one(done, as_json=as_json)
    if done["outcome"] != "reprocessed":
        raise typer.Exit(1)


@app.command()
def transfer(
    context: typer.Context,
    activity: ActivityId,
    department: Annotated[int, typer.Argument(help="The id of the department it goes to.")],
    queue: Annotated[int | None, typer.Option(help="A queue there; its default queue when left out.")] = None,
    note: Annotated[str, typer.Option(help="Why; kept in the audit log.")] = "",
    as_json: Json = False,
) -> None:
    """Transfer an incoming e-mail to another department."""
    body = {"department_id": department, "queue_id": queue, "note": note}
    show_one(remote(context).call("POST", f"/activities/{activity}/transfer", body), as_json=as_json)
