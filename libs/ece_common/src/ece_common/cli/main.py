"""The entry point of `ece`: where the Config API is, who asks, and which commands there are."""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from ece_common.cli import (
    accounts,
    activities,
    aliases,
    audit_log,
    configurations,
    departments,
    events,
    instances,
    masking,
    oauth_applications,
    policies,
    quarantine,
    tokens,
    workflows,
)
from ece_common.cli.output import warn
from ece_common.cli.remote import Remote
from ece_common.connection import Connection
from ece_common.errors import Invalid

app = typer.Typer(
    name="ece",
    no_args_is_help=True,
    add_completion=False,
    # Rich's tracebacks show local variables, and a password may be one.
    pretty_exceptions_enable=False,
    help="Administer the e-mail gateway. The token is read from ECE_TOKEN, never from the command line.",
)
for _name, _commands in (
    ("settings", configurations.settings),
    ("departments", departments.app),
    ("oauth-applications", oauth_applications.app),
    ("accounts", accounts.app),
    ("aliases", aliases.app),
    ("instances", instances.app),
    ("activities", activities.app),
    ("delivery-exceptions", policies.delivery_exceptions),
    ("blocked-extensions", policies.blocked_extensions),
    ("quarantine", quarantine.app),
    ("masking-patterns", masking.app),
    ("masking-channel", configurations.masking_channel),
    ("queues", policies.queues),
    ("workflows", workflows.app),
    ("tokens", tokens.app),
    ("events", events.app),
    ("audit-log", audit_log.app),
):
    app.add_typer(_commands, name=_name)


@app.callback()
def connect(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="ECE_CONFIG_API_URL", help="Where the Config API is.")] = "",
    ca_file: Annotated[str | None, typer.Option(envvar="ECE_CA_FILE", help="PEM certificates to trust too.")] = None,
    allow_plain_http: Annotated[
        bool, typer.Option("--allow-plain-http", envvar="ECE_ALLOW_PLAIN_HTTP", help="A mesh or proxy encrypts.")
    ] = False,
) -> None:
    """Prepare the connection; it is opened by the command that needs it."""
    token = os.environ.get("ECE_TOKEN", "")

    def open_connection() -> Connection:
        if not url:
            raise Invalid.field("url", "is not known: set ECE_CONFIG_API_URL or give --url before the command")
        if not token.strip():
            raise Invalid.field("token", "is not known: set ECE_TOKEN to a token (`ece tokens mint` makes one)")
        return Connection(url, token, ca_file=ca_file, allow_plain_http=allow_plain_http)

    if context.obj is None:
        context.obj = Remote(open_connection)


def run() -> None:
    """With what Typer leaves: output that nobody reads any more, as in `... | head`, or that has no room."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal that lacks a letter shows another one.
            stream.reconfigure(errors="replace")
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as problem:
        # Python flushes once more at its end, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(problem, BrokenPipeError):
            warn(f"What was to be told could not be written: {problem.strerror}")
        sys.exit(1)
