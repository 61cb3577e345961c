"""Ids as arguments; what is none is answered with the command that lists them."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

_DIGITS = len(str(2**63))


def an_id(listed_by: str) -> Callable[[str], int]:
    """Reads an id. Raises BadParameter that names the command which lists them."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) <= _DIGITS):
            raise typer.BadParameter(f"{value[:100]!r} is no id, which is a number; `ece {listed_by}` shows them")
        return int(value)

    return read


def given(what: str, listed_by: str) -> Any:  # noqa: ANN401 - as typer.Argument
    """An argument for one id, or for several where the annotation is a list."""
    return typer.Argument(help=f"{what}, from `ece {listed_by}`.", parser=an_id(listed_by))


DepartmentId = Annotated[int, given("The department's id", "departments list")]
SomeDepartmentId = Annotated[
    int | None, typer.Argument(help="Only this department's; all when left out.", parser=an_id("departments list"))
]
OneDepartment = Annotated[
    int | None,
    typer.Option(
        "--department", help="This department's; the partition's when left out.", parser=an_id("departments list")
    ),
]
AliasId = Annotated[int, given("The alias's id", "aliases list")]
AliasIds = Annotated[list[int], given("One or more alias ids", "aliases list")]
AccountId = Annotated[int, given("The account's id", "accounts list")]
ApplicationId = Annotated[int, given("The application's id", "oauth-applications list")]
ActivityId = Annotated[int, given("The activity's id", "activities list")]
TokenId = Annotated[int, given("The token's id", "tokens list")]
BlockedId = Annotated[int, given("The blocked attachment's id", "quarantine list")]
