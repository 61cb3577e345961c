"""Commands that every plain resource has: list, show, create, set, delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from ece_common.cli.fields import Json, parsed
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import Remote, remote

Identity = Annotated[int, typer.Argument(help="Its id, from `list`.")]
Department = Annotated[int, typer.Argument(help="The department's id, from `ece departments list`.")]
Fields = Annotated[list[str], typer.Argument(help="field=value")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]


@dataclass(frozen=True, slots=True)
class Resource:
    """`path` is that of one, without its id; `within` that of a department's list, or the same for all."""

    noun: str
    help: str
    path: str
    columns: Sequence[str]
    within: str | None = None
    named_by: str = "name"
    warning: str = ""
    """What the deletion of this one also does; a field that is true when it does, then the sentence."""
    warns_when: str = ""


def app_of(resource: Resource) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help=resource.help)
    _add_reading(app, resource)
    _add_deleting(app, resource)
    if resource.within is None:
        _add_for_all(app, resource)
    else:
        _add_for_departments(app, resource, resource.within)
    return app


def _add_reading(app: typer.Typer, resource: Resource) -> None:
    @app.command(help=f"Show one {resource.noun} with all its fields.")
    def show(context: typer.Context, identity: Identity, as_json: Json = False) -> None:
        show_one(remote(context).call("GET", f"{resource.path}/{identity}"), as_json=as_json)

    @app.command("set", help=f"Change fields of a {resource.noun}; what is not named stays.")
    def set_(context: typer.Context, identity: Identity, fields: Fields, as_json: Json = False) -> None:
        changed = remote(context).call("PATCH", f"{resource.path}/{identity}", parsed(fields))
        show_one(changed, as_json=as_json)


def _add_deleting(app: typer.Typer, resource: Resource) -> None:
    @app.command(help=f"Delete a {resource.noun}, once you have confirmed it.")
    def delete(context: typer.Context, identity: Identity, yes: Yes = False) -> None:
        api = remote(context)
        if not yes:
            _confirm(api, resource, identity)
        api.call("DELETE", f"{resource.path}/{identity}")
        say(f"The {resource.noun} {identity} is deleted.")


def _confirm(api: Remote, resource: Resource, identity: int) -> None:
    one = api.call("GET", f"{resource.path}/{identity}")
    say(f"{resource.noun} {identity}: {one[resource.named_by]}")
    if resource.warns_when and one.get(resource.warns_when):
        say(resource.warning)
    if not typer.confirm("Delete it?", default=False):
        say("Not deleted.")
        raise typer.Exit(1)


def _add_for_all(app: typer.Typer, resource: Resource) -> None:
    @app.command("list", help=f"List every {resource.noun}.")
    def list_(context: typer.Context, as_json: Json = False) -> None:
        show_list(remote(context).pages(resource.path), resource.columns, as_json=as_json)

    @app.command(help=f"Create a {resource.noun}.")
    def create(context: typer.Context, fields: Fields, as_json: Json = False) -> None:
        show_one(remote(context).call("POST", resource.path, parsed(fields)), as_json=as_json)


def _add_for_departments(app: typer.Typer, resource: Resource, within: str) -> None:
    @app.command("list", help=f"List every {resource.noun} of a department.")
    def list_(context: typer.Context, department: Department, as_json: Json = False) -> None:
        found = remote(context).pages(f"/departments/{department}{within}")
        show_list(found, resource.columns, as_json=as_json)

    @app.command(help=f"Create a {resource.noun} in a department.")
    def create(context: typer.Context, department: Department, fields: Fields, as_json: Json = False) -> None:
        made = remote(context).call("POST", f"/departments/{department}{within}", parsed(fields))
        show_one(made, as_json=as_json)
