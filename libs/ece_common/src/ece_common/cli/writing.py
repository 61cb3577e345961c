"""`ece activities reply` and `compose`: text from an option, a file or standard input; files attached."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.fields import Json, text_of
from ece_common.cli.files import attached
from ece_common.cli.identities import ActivityId, DepartmentId
from ece_common.cli.output import say, show_one, warn
from ece_common.cli.remote import misused, remote
from ece_common.errors import Invalid

Text = Annotated[str | None, typer.Option(help="What to write; read from --file or standard input when left out.")]
File = Annotated[Path | None, typer.Option(help="Read the text from here.")]
Html = Annotated[Path | None, typer.Option(help="An HTML body from this file, besides the text or alone.")]
Attach = Annotated[list[Path] | None, typer.Option(help="A file to attach; may be repeated.")]
To = Annotated[list[str] | None, typer.Option(help="A recipient; may be repeated.")]
Cc = Annotated[list[str] | None, typer.Option(help="Who gets a copy; may be repeated.")]
Bcc = Annotated[list[str] | None, typer.Option(help="Who gets a copy unseen; may be repeated.")]
From = Annotated[str | None, typer.Option("--from", help="Another of the department's addresses.")]
Key = Annotated[str | None, typer.Option(help="With the same key a repeated command sends nothing twice.")]
_HINT = "Type the text"


def add_to(app: typer.Typer) -> None:
    app.command()(reply)
    app.command()(compose)


def reply(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    activity: ActivityId,
    text: Text = None,
    file: File = None,
    html: Html = None,
    subject: Annotated[str | None, typer.Option(help="Another subject than Re: ...")] = None,
    to: To = None,
    cc: Cc = None,
    bcc: Bcc = None,
    from_: From = None,
    attach: Attach = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Answer an activity; recipients, sender and subject follow from it unless they are given."""
    others = {"subject": subject, "to": to, "cc": cc, "bcc": bcc, "from_address": from_}
    body = _body(text, file, html) | _letter(others, attach)
    made = remote(context).call("POST", f"/activities/{activity}/replies", body, headers=_headers(key))
    _tell(made, as_json=as_json)


def compose(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    department: DepartmentId,
    to: Annotated[list[str], typer.Option(help="A recipient; may be repeated.")],
    subject: Annotated[str, typer.Option(help="The subject.")],
    text: Text = None,
    file: File = None,
    html: Html = None,
    cc: Cc = None,
    bcc: Bcc = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="An address of the department; its default alias when left out.")
    ] = None,
    attach: Attach = None,
    key: Key = None,
    as_json: Json = False,
) -> None:
    """Send a new e-mail of a department.

    ece activities compose 1 --to ada@example.com --subject 'Your order' --file letter.txt --attach invoice.pdf
    """
    others = {"subject": subject, "to": to, "cc": cc, "bcc": bcc, "from_address": from_}
    body = _body(text, file, html) | _letter(others, attach)
    made = remote(context).call("POST", f"/departments/{department}/activities", body, headers=_headers(key))
    _tell(made, as_json=as_json)


def _tell(made: dict[str, Any], *, as_json: bool) -> None:
    """Where it can be followed, and what does not go along; the mail itself is known to who wrote it."""
    if as_json:
        show_one(made, as_json=True)
        return
    say(f"Activity {made['id']} is to be sent to {', '.join(made['to'])}: {made['subject']}")
    for one in made["attachments"]:
        if one["state"] != "available":
            warn(f"Attachment {one['name']} is blocked: the mail is sent without it, and it is {one['state']}.")
    say(f"`ece activities delivery {made['id']}` shows what becomes of it.")


def _body(text: str | None, file: Path | None, html: Path | None) -> dict[str, str]:
    if html is None:
        return {"text": text_of(text, file, _HINT)}
    body = {"html": text_of(None, html, _HINT)}
    return body if text is None and file is None else body | {"text": text_of(text, file, _HINT)}


def _letter(others: dict[str, Any], attach: list[Path] | None) -> dict[str, Any]:
    body = {name: value for name, value in others.items() if value is not None and value != []}
    return body | {"attachments": attached(attach)} if attach else body


def _headers(key: str | None) -> dict[str, str]:
    if key is None:
        return {}
    if not (key.isascii() and key.isprintable()):
        misused(Invalid.field("--key", "must be printable ASCII"))
    return {"Idempotency-Key": key}
