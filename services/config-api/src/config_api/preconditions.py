"""ETag and If-Match: a change is made to what its author saw, or not at all (RFC 9110 section 13)."""

from typing import Annotated

from fastapi import Header, Response

from ece_common.errors import PreconditionFailed

IfMatch = Annotated[
    str | None, Header(max_length=200, description="The `ETag` that was read; 412 when the resource changed since.")
]


def etag(version: int | str) -> str:
    return f'"{version}"'


def require(if_match: str | None, version: int | str) -> None:
    """Raise `PreconditionFailed` when the caller's ETag is not the current one."""
    if if_match is None or if_match.strip() == "*":
        return
    if etag(version) not in {tag.strip().removeprefix("W/") for tag in if_match.split(",")}:
        raise PreconditionFailed(
            f"If-Match is {if_match[:100]}, but the resource is now at {etag(version)}: read it again"
        )


def stamp(response: Response, version: int | str) -> None:
    response.headers["ETag"] = etag(version)
