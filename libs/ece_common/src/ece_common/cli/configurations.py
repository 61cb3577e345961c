"""`ece settings` and `ece masking-channel`: what holds for the partition, or for one department."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Json, MaybeGiven, asked_password, parsed, some
from ece_common.cli.identities import OneDepartment
from ece_common.cli.output import show_one
from ece_common.cli.remote import remote
from ece_common.contracts.masking import ChannelChange, DepartmentChannelChange
from ece_common.contracts.settings import (
    DepartmentSettings,
    DepartmentSettingsChange,
    PartitionSettings,
    PartitionSettingsChange,
)

settings = typer.Typer(no_args_is_help=True, help="Settings of the partition, and those of a department.")
masking_channel = typer.Typer(no_args_is_help=True, help="What is masked in e-mail, in and out, by which patterns.")
_PASSWORD = "default_smtp_password"  # noqa: S105 - a field's name


@dataclass(frozen=True, slots=True)
class Configuration:
    """`path` of the partition's; a department's is the same below the department."""

    path: str
    partition: type[BaseModel]
    department: type[BaseModel]

    def place(self, department: int | None) -> str:
        return self.path if department is None else f"/departments/{department}{self.path}"

    def change(self, fields: list[str], department: int | None) -> dict[str, Any]:
        return parsed(fields, self.partition if department is None else self.department)


_SETTINGS = Configuration("/settings", PartitionSettingsChange, DepartmentSettingsChange)
_CHANNEL = Configuration("/masking-channel", ChannelChange, DepartmentChannelChange)
_OF_PARTITION, _OF_DEPARTMENT = "Fields of the partition", "Fields of a department, with --department"


def _add_show(app: typer.Typer, configuration: Configuration, words: str) -> None:
    @app.command(help=words)
    def show(context: typer.Context, department: OneDepartment = None, as_json: Json = False) -> None:
        show_one(remote(context).call("GET", configuration.place(department)), as_json=as_json)


_add_show(settings, _SETTINGS, "Show what is in force; of a department, `overrides` names what it sets itself.")
_add_show(masking_channel, _CHANNEL, "Show what is in force; of a department, `own` says whether it decides itself.")


@settings.command(
    "set",
    cls=taking(
        Shown(PartitionSettingsChange, PartitionSettings, _OF_PARTITION),
        Shown(DepartmentSettingsChange, DepartmentSettings, _OF_DEPARTMENT),
    ),
)
def set_settings(
    context: typer.Context,
    fields: MaybeGiven = None,
    department: OneDepartment = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for the password of the default SMTP server, twice.")
    ] = False,
    password_file: Annotated[Path | None, typer.Option(help="Read that password from here instead.")] = None,
    as_json: Json = False,
) -> None:
    """Change settings; what is not named stays, and null gives a setting back to its default or to the partition.

    ece settings set notification_to_address=admin@example.com attachments_blocked=.exe,.js
    """
    body = _SETTINGS.change(fields or [], department)
    if password or password_file is not None:
        if department is not None:
            raise typer.BadParameter("the default SMTP server is the partition's", param_hint="--department")
        body[_PASSWORD] = asked_password("SMTP password", password_file)["password"]
    changed = remote(context).call("PATCH", _SETTINGS.place(department), some(body, ", or --password"))
    show_one(changed, as_json=as_json)


@masking_channel.command(
    "set",
    cls=taking(Shown(ChannelChange, title=_OF_PARTITION), Shown(DepartmentChannelChange, title=_OF_DEPARTMENT)),
)
def set_channel(
    context: typer.Context, fields: MaybeGiven = None, department: OneDepartment = None, as_json: Json = False
) -> None:
    """Change what is masked; what is not named stays. own=true: the department decides itself, own=false: no longer.

    ece masking-channel set mask_incoming=true pattern_ids=3,1
    """
    body = some(_CHANNEL.change(fields or [], department))
    show_one(remote(context).call("PATCH", _CHANNEL.place(department), body), as_json=as_json)
