"""`ece audit-log`: who changed what."""

import json
from typing import Annotated, Any

import typer

from ece_common.cli.fields import Json
from ece_common.cli.filters import Limit, filtering, tell_of_more
from ece_common.cli.output import show_list
from ece_common.cli.remote import remote

app = typer.Typer(no_args_is_help=True, help="Who changed what.")

_COLUMNS = ("id", "at", "principal", "action", "subject", "department_id", "changes")
_FILTERS = (
    "field=value: principal (a token's name), action, subject (such as alias/7), department_id, "
    "since=2030-01-31T09:00:00Z, order=newest|oldest"
)
_NOTHING = (None, "", [], {})


@app.callback()
def audit_log() -> None:
    """Keeps `list` a command of its own although it is the only one."""


@app.command("list")
def list_(
    context: typer.Context,
    filters: Annotated[list[str] | None, typer.Argument(help=_FILTERS)] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List changes, filtered by field=value; the newest first unless order=oldest.

    ece audit-log list subject=alias/7 since=2030-01-31T00:00:00Z
    """
    wanted = filtering(filters or [], order="newest")
    found = remote(context).pages("/audit-log", params=wanted, limit=limit)
    rows = found if as_json else [one | {"changes": _told(one["action"], one["changes"])} for one in found]
    show_list(rows, _COLUMNS, as_json=as_json)
    tell_of_more(found, limit)


def _told(action: str, changes: dict[str, Any]) -> str:
    """`status: new -> assigned`; of what was made or is gone, the values alone."""
    alone = action.endswith((".created", ".minted", ".deleted"))
    told = {
        name: _plain(value) if alone else _both(value) for name, value in changes.items() if value not in _NOTHING
    }
    return ", ".join(f"{name}: {value}" for name, value in told.items())


def _both(value: object) -> str:
    if isinstance(value, list) and len(value) == 2:
        return f"{_plain(value[0])} -> {_plain(value[1])}"
    return _plain(value)


def _plain(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
