"""`ece instances`: which retriever or dispatcher works on which aliases."""

from typing import Annotated, Any, Literal

import typer

from ece_common.cli.fields import Json
from ece_common.cli.output import say, show_list
from ece_common.cli.remote import Remote, refuse, remote
from ece_common.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="Which retriever or dispatcher works on which aliases.")

Kind = Annotated[Literal["retriever", "dispatcher"], typer.Option(help="retriever or dispatcher.")]
InstanceName = Annotated[str, typer.Argument(help="The instance's name, such as default.")]
AliasIds = Annotated[list[int], typer.Argument(help="One or more alias ids.")]


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
    changed = api.call(
        "PATCH", path, {"alias_ids": alias_ids}, headers={"If-Match": etag} if etag is not None else None
    )
    say(f"{found['kind']} {found['name']} works on: {', '.join(map(str, changed['alias_ids'])) or 'no alias'}")
