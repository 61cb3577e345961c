"""`ece delivery-exceptions`, `ece blocked-extensions`, `ece queues`."""

from typing import Annotated

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Json, MaybeGiven, parsed
from ece_common.cli.identities import DepartmentId
from ece_common.cli.output import show_one
from ece_common.cli.remote import remote
from ece_common.cli.resources import Resource, app_of
from ece_common.contracts.blocked_extensions import BlockedExtensionChange, NewBlockedExtension
from ece_common.contracts.delivery_exceptions import BounceTrial, DeliveryExceptionChange, NewDeliveryException
from ece_common.contracts.departments import NewQueue, QueueChange

delivery_exceptions = app_of(
    Resource(
        noun="delivery exception",
        command="delivery-exceptions",
        new=NewDeliveryException,
        change=DeliveryExceptionChange,
        help="Words and phrases by which a department knows bounced mail.",
        path="/delivery-exceptions",
        within="/delivery-exceptions",
        filters="system_provided=true|false, type=address|subject, failure=permanent|temporary",
        columns=("id", "type", "phrase", "failure", "system_provided", "name"),
        warns_when="system_provided",
        warning="It is system-provided: it will be deleted from ALL departments, also from those to come.",
    )
)
blocked_extensions = app_of(
    Resource(
        noun="blocked file extension",
        command="blocked-extensions",
        new=NewBlockedExtension,
        change=BlockedExtensionChange,
        help="Kinds of files that a department lets nobody send it.",
        path="/blocked-file-extensions",
        within="/blocked-file-extensions",
        columns=("id", "blocked_file_extension", "name", "description"),
    )
)
queues = app_of(
    Resource(
        noun="queue",
        command="queues",
        new=NewQueue,
        change=QueueChange,
        help="Where e-mails of a department wait.",
        path="/queues",
        within="/queues",
        columns=("id", "name", "is_default", "is_exception", "description"),
    )
)


@delivery_exceptions.command("try", cls=taking(Shown(BounceTrial)))
def try_(
    context: typer.Context,
    department: DepartmentId,
    fields: MaybeGiven = None,
    subject: Annotated[str | None, typer.Option(help="As subject=...")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="As from=...")] = None,
    as_json: Json = False,
) -> None:
    """Say which phrase would make a mail a bounce. Nothing is stored.

    ece delivery-exceptions try 1 from=mailer-daemon@example.com subject='Undeliverable: your order'
    """
    options = {name: value for name, value in (("subject", subject), ("from", from_)) if value is not None}
    body = parsed(fields or [], BounceTrial) | options
    verdict = remote(context).call("POST", f"/departments/{department}/delivery-exceptions/evaluate", body)
    show_one(verdict, as_json=as_json)
