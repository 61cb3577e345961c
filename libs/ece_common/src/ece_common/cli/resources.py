"""Commands that every plain resource has: list, show, create, set, delete."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, Yes, parsed
from ece_common.cli.filters import filtering
from ece_common.cli.identities import DepartmentId, given
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import Remote, remote


@dataclass(frozen=True, slots=True)
class Resource:
    """`path` is that of one, without its id; `within` that of a department's list, or the same for all."""

    noun: str
    command: str
    help: str
    path: str
    columns: Sequence[str]
    new: type[BaseModel]
    change: type[BaseModel]
    within: str | None = None
    filters: str = ""
    """How the list of a department can be narrowed."""
    named_by: str = "name"
    warning: str = ""
    """What the deletion of this one also does; a field that is true when it does, then the sentence."""
    warns_when: str = ""


def app_of(resource: Resource) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help=resource.help)
    identity = given("Its id", f"{resource.command} list")
    _add_reading(app, resource, identity)
    _add_deleting(app, resource, identity)
    if resource.within is None:
        _add_for_all(app, resource)
    else:
        _add_for_departments(app, resource, resource.within)
    return app


def _add_reading(app: typer.Typer, resource: Resource, argument: Any) -> None:  # noqa: ANN401 - as typer.Argument
    @app.command(help=f"Show one {resource.noun} with all its fields.")
    def show(context: typer.Context, identity: Annotated[int, argument], as_json: Json = False) -> None:
        show_one(remote(context).call("GET", f"{resource.path}/{identity}"), as_json=as_json)

    changing = taking(Shown(resource.change, resource.new))

    @app.command("set", cls=changing, help=f"Change fields of a {resource.noun}; what is not named stays.")
    def set_(
        context: typer.Context, identity: Annotated[int, argument], fields: Given, as_json: Json = False
    ) -> None:
        body = parsed(fields, resource.change)
        show_one(remote(context).call("PATCH", f"{resource.path}/{identity}", body), as_json=as_json)


def _add_deleting(app: typer.Typer, resource: Resource, argument: Any) -> None:  # noqa: ANN401 - as typer.Argument
    @app.command(help=f"Delete a {resource.noun}, once you have confirmed it.")
    def delete(context: typer.Context, identity: Annotated[int, argument], yes: Yes = False) -> None:
        api = remote(context)
        if not yes:
            _confirm(api, resource, identity)
        api.call("DELETE", f"{resource.path}/{identity}")
        say(f"The {resource.noun} {identity} is deleted.")


def _confirm(api: Remote, resource: Resource, identity: int) -> None:
    one = api.call("GET", f"{resource.path}/{identity}")
    warned = bool(resource.warns_when and one.get(resource.warns_when))
    told = f"{resource.noun} {identity}: {one[resource.named_by]}"
    agreed(f"{told}\n{resource.warning}" if warned else told)


def _add_for_all(app: typer.Typer, resource: Resource) -> None:
    @app.command("list", help=f"List every {resource.noun}.")
    def list_(context: typer.Context, as_json: Json = False) -> None:
        show_list(remote(context).pages(resource.path), resource.columns, as_json=as_json)

    @app.command(cls=taking(Shown(resource.new)), help=f"Create a {resource.noun}.")
    def create(context: typer.Context, fields: Given, as_json: Json = False) -> None:
        show_one(remote(context).call("POST", resource.path, parsed(fields, resource.new)), as_json=as_json)


def _add_for_departments(app: typer.Typer, resource: Resource, within: str) -> None:
    narrowing = typer.Argument(help=f"field=value: {resource.filters}", hidden=not resource.filters)

    @app.command("list", help=f"List every {resource.noun} of a department.")
    def list_(
        context: typer.Context,
        department: DepartmentId,
        filters: Annotated[list[str] | None, narrowing] = None,
        as_json: Json = False,
    ) -> None:
        found = remote(context).pages(f"/departments/{department}{within}", params=filtering(filters or []))
        show_list(found, resource.columns, as_json=as_json)

    @app.command(cls=taking(Shown(resource.new)), help=f"Create a {resource.noun} in a department.")
    def create(context: typer.Context, department: DepartmentId, fields: Given, as_json: Json = False) -> None:
        body = parsed(fields, resource.new)
        show_one(remote(context).call("POST", f"/departments/{department}{within}", body), as_json=as_json)


def of_departments(
    api: Remote, department: int | None, within: str, wanted: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """What a department has of these, or every department."""
    ids = [department] if department is not None else [one["id"] for one in api.pages("/departments")]
    return [one for number in ids for one in api.pages(f"/departments/{number}{within}", params=wanted)]
