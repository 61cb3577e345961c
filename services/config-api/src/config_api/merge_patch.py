"""A merge patch (RFC 7396) applied to a row: what it changes, and what it may not clear."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Protocol

from ece_common.errors import Invalid


class Versioned(Protocol):
    version: int
    updated_at: datetime | None


def apply(
    row: Versioned,
    changes: Mapping[str, Any],
    now: datetime,
    *,
    clearable: Collection[str] = ("description",),
    nullable: Collection[str] = (),
) -> dict[str, list[Any]]:
    """Each field that changes with its value before and after, for the audit log. Null empties a text that is
    `clearable` and stays null where it may.

    Nothing that changes, no new version: whoever read the row may go on with its ETag.
    Raise `Invalid` naming a required field that the patch would clear; the row is as it was then.
    """
    for name, value in changes.items():
        if value is None and name not in clearable and name not in nullable:
            raise Invalid.field(name, "is required and cannot be cleared")
    wanted = {name: "" if value is None and name in clearable else value for name, value in changes.items()}
    told = {name: [before, value] for name, value in wanted.items() if (before := getattr(row, name)) != value}
    for name, (_, value) in told.items():
        setattr(row, name, value)
    if told:
        touch(row, now)
    return told


def touch(row: Versioned, now: datetime) -> None:
    row.version += 1
    row.updated_at = now
