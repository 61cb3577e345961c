"""How a list fits a terminal: which columns are left out, how wide the others are. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

# Between two columns: a blank of padding and a blank that divides.
_GAP = 2
_RIGID = 24
_LEAST_OF_TEXT = 14
_LINES = 4
_DAY = len("2030-01-31")
_FEWEST = 2

# Left out first, in this order, when a terminal is too narrow; then what stands furthest right.
_DISPENSABLE = (
    "updated_at", "n", "path", "size", "created_at", "javascript_regular_expression", "retriever_instance",
    "instance", "direction", "description", "subtype", "blocked_at", "attempts", "changed_by", "expires_at", "linear",
    "department_id", "to", "received_at", "principal",
)  # fmt: skip
# Why something is as it is: never left out while another column can be, and never shortened.
_WHOLE = frozenset(
    {"subject", "changes", "reason", "detail", "hint", "message", "status_reason", "outcome", "authorization_reason"}
)
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|\+00:00)$")
_MOMENT_SHOWN = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)?$")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fitted:
    """`widths` of the columns that are shown, in their order, and the names of the others."""

    widths: dict[str, int]
    left_out: list[str]


def brief(text: str) -> str:
    """A moment to the second; any other text as it is."""
    found = _MOMENT.match(text)
    return f"{found[1]} {found[2]}Z" if found else text


def heading(column: str, content: int) -> str:
    """The column's name, on several lines where its content is narrower."""
    return column if len(column) <= content else column.replace("_", "_\n")


def shortened(text: str, column: str, width: int) -> str:
    """What fits on a few lines of a column; a reason is kept whole."""
    most = width * _LINES
    return text if column in _WHOLE or cell_len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def plain(rows: Sequence[Row], columns: Sequence[str]) -> Iterator[str]:
    """A line a row as wide as it takes, for a pipe: nothing left out, shortened or wrapped."""
    flat = [{column: " ".join(row[column].split("\n")) for column in columns} for row in rows]
    heads = {column: column for column in columns}
    widths = {column: max(len(column), _content(flat, column)) for column in columns}
    rule = "-" * (sum(widths.values()) + _GAP * (len(columns) - 1))
    for number, row in enumerate([heads, *flat]):
        cells = (row[column] + " " * (widths[column] - cell_len(row[column])) for column in columns)
        yield (" " * _GAP).join(cells).rstrip()
        if number == 0:
            yield rule


def fitted(rows: Sequence[Row], columns: Sequence[str], width: int) -> Fitted:
    """Every column when they fit, else without the least important ones; text shares what is left and is wrapped."""
    shown, left_out = list(columns), list[str]()
    natural = {column: _natural(rows, column) for column in columns}
    least = {column: _least(rows, column, natural[column]) for column in columns}
    while len(shown) > _FEWEST and _total(least, shown) > width:
        gone = _least_important(rows, shown)
        shown.remove(gone)
        left_out.append(gone)
    spare = max(0, width - _total(least, shown))
    return Fitted(_shared(shown, natural, least, spare), [one for one in columns if one in left_out])


def _total(widths: Mapping[str, int], shown: Sequence[str]) -> int:
    return sum(widths[column] for column in shown) + _GAP * (len(shown) - 1)


def _content(rows: Sequence[Row], column: str) -> int:
    return max((cell_len(line) for row in rows for line in row[column].split("\n")), default=0)


def _natural(rows: Sequence[Row], column: str) -> int:
    content = _content(rows, column)
    return max(content, *(len(part) for part in heading(column, content).split("\n")))


def _least(rows: Sequence[Row], column: str, natural: int) -> int:
    """An id, a word or a moment is not broken; text is, down to a width at which it still can be read."""
    if all(_MOMENT_SHOWN.match(row[column]) for row in rows):
        return min(natural, _DAY)
    breakable = natural > _RIGID or any(" " in row[column] for row in rows)
    return min(natural, _LEAST_OF_TEXT if breakable else _RIGID)


def _least_important(rows: Sequence[Row], shown: Sequence[str]) -> str:
    """Never the first, which says what a row is about."""
    others = shown[1:]
    empty = [column for column in others if not any(row[column] for row in rows)]
    named = [column for column in _DISPENSABLE if column in others]
    rest = [column for column in reversed(others) if column not in _WHOLE]
    return (empty or named or rest or list(others))[0]


def _shared(shown: Sequence[str], natural: Mapping[str, int], least: Mapping[str, int], spare: int) -> dict[str, int]:
    """The narrowest wish first, so that nobody gets more than it needs."""
    widths = {column: least[column] for column in shown}
    wishing = sorted(shown, key=lambda column: natural[column] - least[column])
    for number, column in enumerate(wishing):
        more = min(natural[column] - least[column], spare // (len(wishing) - number))
        widths[column] += more
        spare -= more
    return widths
