"""Long lists: filtered by field=value, and only so many of them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ece_common.cli.fields import parsed
from ece_common.cli.output import warn
from ece_common.cli.remote import misused
from ece_common.errors import Invalid

Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")]


def filtering(arguments: list[str], **otherwise: str) -> dict[str, str]:
    """Query parameters; `otherwise` are those that count where no argument names them."""
    given = parsed(arguments)
    for name, value in given.items():
        if not isinstance(value, str):
            misused(Invalid.field(name, "a filter takes a value: not null, and no field of a field"))
    return otherwise | given


def tell_of_more(shown: Sequence[object], limit: int) -> None:
    """On stderr, below the list."""
    if len(shown) == limit:
        warn(f"These are the first {limit}; --limit N shows more.")
