"""Cursors: how long lists are read a page at a time, in the order of their ids."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from ece_common.contracts.base import Page
from ece_common.errors import Invalid

Row = TypeVar("Row")
View = TypeVar("View")

Limit = Annotated[int, Query(ge=1, le=500, description="How many items a page holds.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before; left out for the first.")
]


def position(cursor: str | None) -> int:
    """The id after which the page begins."""
    if cursor is None:
        return 0
    try:
        value = int(base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii"))
    except (ValueError, binascii.Error, UnicodeError):
        raise Invalid.field("query.cursor", "is not a cursor; use `next_cursor` of the page before") from None
    if not 0 <= value < 2**63:
        raise Invalid.field("query.cursor", "is not a cursor; use `next_cursor` of the page before")
    return value


def _cursor(identity: int) -> str:
    return base64.urlsafe_b64encode(str(identity).encode()).decode()


def page(rows: Sequence[Row], limit: int, identity: Callable[[Row], int], view: Callable[[Row], View]) -> Page[View]:
    """Rows were asked for with `limit + 1`: the one too many says that there is a next page."""
    more = len(rows) > limit
    kept = rows[:limit]
    return Page[View](items=[view(row) for row in kept], next_cursor=_cursor(identity(kept[-1])) if more else None)
