"""`ece instances`: which retriever or dispatcher works on which aliases."""

from typing import Annotated, Any, Literal

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, Yes, parsed
from ece_common.cli.identities import AliasIds
from ece_common.cli.output import agreed, say, show_list, show_one
from ece_common.cli.remote import Remote, matching, refuse, remote
from ece_common.contracts.instances import InstanceChange
from ece_common.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="Which retriever or dispatcher works on which aliases.")

Kind = Annotated[Literal["retriever", "dispatcher"], typer.Option(help="retriever or dispatcher.")]
InstanceName = Annotated[str, typer.Argument(help="The instance's name, such as default.")]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List instances of both kinds, their aliases and how many of their replicas live."""
    api = remote(context)
    found = [*api.pages("/retriever-instances"), *api.pages("/dispatcher-instances")]
    if as_json:
        show_list(found, (), as_json=True)
        return
    rows = [one | {"live": sum(replica["live"] for replica in one.get("replicas", []))} for one in found]
    show_list(rows, ("id", "kind", "name", "alias_ids", "live"), as_json=False)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What its replicas give as ECE_INSTANCE.")],
    kind: Kind = "retriever",
) -> None:
    """Create an instance; its replicas come by starting workers with its name."""
    made = remote(context).call("POST", f"/{kind}-instances", {"name": name})
    say(f"{kind} instance {made['name']} is created; start its workers with ECE_INSTANCE={made['name']}.")


@app.command()
def show(context: typer.Context, instance: InstanceName, kind: Kind = "retriever", as_json: Json = False) -> None:
    """Show an instance with its replicas: which of them live, and how many aliases each has."""
    show_one(_found(remote(context), kind, instance)[0], as_json=as_json)


@app.command("set", cls=taking(Shown(InstanceChange)))
def set_(
    context: typer.Context, instance: InstanceName, fields: Given, kind: Kind = "retriever", as_json: Json = False
) -> None:
    """Change name or description; for its aliases there are `add-alias` and `remove-alias`."""
    api = remote(context)
    found, etag = _found(api, kind, instance)
    changed = api.call(
        "PATCH", f"/{kind}-instances/{found['id']}", parsed(fields, InstanceChange), headers=matching(etag)
    )
    show_one(changed, as_json=as_json)


@app.command()
def delete(context: typer.Context, instance: InstanceName, kind: Kind = "retriever", yes: Yes = False) -> None:
    """Delete an instance without aliases and live replicas, once you have confirmed it."""
    api = remote(context)
    found, _ = _found(api, kind, instance)
    if not yes:
        agreed(f"{kind} instance {found['id']}: {found['name']}")
    api.call("DELETE", f"/{kind}-instances/{found['id']}")
    say(f"The {kind} instance {found['name']} is deleted.")


@app.command("add-alias")
def add_alias(context: typer.Context, instance: InstanceName, aliases: AliasIds, kind: Kind = "retriever") -> None:
    """Let an instance work on these aliases too; a retriever fetches only those added to it."""
    api = remote(context)
    found, etag = _found(api, kind, instance)
    _replace(api, found, sorted({*found["alias_ids"], *aliases}), etag)


@app.command("remove-alias")
def remove_alias(context: typer.Context, instance: InstanceName, aliases: AliasIds, kind: Kind = "retriever") -> None:
    """Take these aliases away from an instance."""
    api = remote(context)
    found, etag = _found(api, kind, instance)
    _replace(api, found, [one for one in found["alias_ids"] if one not in aliases], etag)


def _found(api: Remote, kind: str, name: str) -> tuple[dict[str, Any], str | None]:
    ids = [one["id"] for one in api.pages(f"/{kind}-instances") if one["name"] == name]
    if not ids:
        refuse(NotFound(f"there is no {kind} instance named {name}; `ece instances list` shows all"))
    return api.call_with_etag("GET", f"/{kind}-instances/{ids[0]}")


def _replace(api: Remote, found: dict[str, Any], alias_ids: list[int], etag: str | None) -> None:
    # If-Match: the list is replaced whole, and must not undo what another administrator did meanwhile.
    path = f"/{found['kind']}-instances/{found['id']}"
    changed = api.call("PATCH", path, {"alias_ids": alias_ids}, headers=matching(etag))
    say(f"{found['kind']} {found['name']} works on: {', '.join(map(str, changed['alias_ids'])) or 'no alias'}")
