"""Values of query parameters that Postgres could not take are refused by name."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    return value


def _in_utc(value: datetime) -> datetime:
    """A moment without a time zone is taken for UTC."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None


SearchText = Annotated[str, AfterValidator(_without_nul)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
