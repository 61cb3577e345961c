"""A service that cannot start says why: a line for each variable with what would be right, and never its value."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import ValidationError

from ece_common.contracts.mistakes import said_of
from ece_common.errors import EceError


@contextmanager
def explained(service: str, known_as: Mapping[str, str] | None = None) -> Iterator[None]:
    """Ends the process, with status 1 and no traceback, when settings or what is made of them are wrong.

    `known_as`: a field's name in an error, and the setting that it comes from.
    """
    try:
        yield
    except ValidationError as problem:
        mistakes = problem.errors(include_input=False, include_url=False)
        told = [(_place(tuple(one["loc"])), said_of(one)) for one in mistakes]
    except EceError as problem:
        names = known_as or {}
        told = [(names.get(one.field, one.field), one.problem) for one in problem.errors or []]
        told = told or [("", problem.detail)]
    except (ValueError, OSError) as problem:
        told = [("", str(problem))]
    else:
        return
    sys.exit("\n".join(f"{service}: {_variable(setting)}{why}" for setting, why in told))


def _place(location: tuple[int | str, ...]) -> str:
    """The setting alone: an entry of a list has no variable of its own."""
    return str(location[0]) if location else ""


def _variable(setting: str) -> str:
    return f"ECE_{setting.upper()}: " if setting else ""


def split(value: object) -> object:
    """The entries of a list that a variable holds, separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
