"""`ece events`: what happens, as it happens."""

import asyncio
from itertools import count
from typing import Annotated

import typer

from ece_common.cli.output import show_line, warn
from ece_common.cli.remote import ask, remote
from ece_common.connection import Connection
from ece_common.errors import Transient
from ece_common.retry import waits

app = typer.Typer(no_args_is_help=True, help="What happens, as it happens.")


@app.callback()
def events() -> None:
    """Keeps `tail` a command of its own although it is the only one."""


@app.command()
def tail(
    context: typer.Context,
    after: Annotated[
        str | None, typer.Option(help="Go on after this cursor; from the oldest event when left out.")
    ] = None,
    every: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds between two questions.")] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="End at the end of the feed instead of waiting for more.")
    ] = False,
) -> None:
    """Print events as lines of JSON until interrupted. The cursor to go on from is told on stderr at the end."""

    async def follow(connection: Connection) -> None:
        cursor = after
        try:
            while True:
                cursor, more = await _step(connection, cursor, patient=not once)
                if not more and once:
                    return
                if not more:
                    await asyncio.sleep(every)
        finally:
            if cursor is not None:
                warn(f"next: --after {cursor}")

    remote(context).follow(follow)


async def _step(connection: Connection, cursor: str | None, *, patient: bool) -> tuple[str | None, bool]:
    """Print one page; (where to go on, whether there was anything). Patient: an outage is waited out."""
    pauses = waits()
    for attempt in count(1):
        try:
            page, _ = await ask(
                connection, "GET", "/events", params={"after": cursor} if cursor is not None else None
            )
        except Transient as outage:
            if not patient:
                raise
            if attempt == 1:
                warn(f"{outage.detail}; trying again")
            await asyncio.sleep(next(pauses))
            continue
        for event in page["items"]:
            show_line(event)
        return page["next_after"], bool(page["items"])
    raise AssertionError("count() has no end")
