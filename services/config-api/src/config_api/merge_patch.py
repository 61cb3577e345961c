"""A merge patch (RFC 7396) applied to a row: what it changes, and what it may not clear."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from ece_common.errors import Invalid


class Versioned(Protocol):
    version: int
    updated_at: datetime | None


def apply(
    row: Versioned, wanted: BaseModel, now: datetime, *, clearable: Collection[str] = ("description",)
) -> dict[str, list[Any]]:
    """Each named field with its value before and after, for the audit log; null empties what is `clearable`.

    Raise `Invalid` naming a required field that the patch would clear; the row is as it was then.
    """
    changes = wanted.model_dump(exclude_unset=True)
    for name, value in changes.items():
        if value is None and name not in clearable:
            raise Invalid.field(name, "is required and cannot be cleared")
    told = {name: [getattr(row, name), "" if value is None else value] for name, value in changes.items()}
    for name, (_, value) in told.items():
        setattr(row, name, value)
    row.version += 1
    row.updated_at = now
    return told
