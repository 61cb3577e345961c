"""`ece accounts`: mailboxes that somebody let us into by OAuth."""

from pathlib import Path
from typing import Annotated

import typer

from ece_common.cli.aliases import STEPS, made
from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, MaybeGiven, Yes, asked_secret, parsed, some
from ece_common.cli.identities import AccountId, AliasId, AliasIds, DepartmentId, SomeDepartmentId
from ece_common.cli.output import agreed, say, show_list, show_one, show_test, warn
from ece_common.cli.remote import remote
from ece_common.cli.resources import of_departments
from ece_common.contracts.accounts import AccountChange, NewAccount, NewAccountAlias

app = typer.Typer(no_args_is_help=True, help="Mailboxes that are opened by OAuth, not by a password.")

COLUMNS = (
    "id",
    "department_id",
    "account_name",
    "status",
    "server_type",
    "authorization_state",
    "authorization_reason",
    "authorized_user_name",
)
_OF_ALIASES = ("id", "name", "email_address", "status", "retriever_instance", "shared_mailbox", "default_alias")
CodeFile = Annotated[Path | None, typer.Option(help="Read the authorization code from here instead of asking.")]
Code = Annotated[bool, typer.Option("--code", help="Ask for the authorization code that the sign-in page showed.")]


@app.command("list")
def list_(
    context: typer.Context,
    department: SomeDepartmentId = None,
    as_json: Json = False,
) -> None:
    """List accounts and whether they are authorized."""
    show_list(of_departments(remote(context), department, "/accounts"), COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """Show one account with all its fields."""
    show_one(remote(context).call("GET", f"/accounts/{account}"), as_json=as_json)


@app.command(cls=taking(Shown(NewAccount)))
def create(
    context: typer.Context,
    department: DepartmentId,
    fields: Given,
    code: Code = False,
    code_file: CodeFile = None,
    as_json: Json = False,
) -> None:
    """Create an account; with --code it is authorized in the same step.

    ece accounts create 1 account_name=support@example.com oauth_application_id=2 --code
    """
    body = parsed(fields, NewAccount)
    if code or code_file is not None:
        body["authorization_code"] = asked_secret("Authorization code", code_file)
    show_one(remote(context).call("POST", f"/departments/{department}/accounts", body), as_json=as_json)


@app.command("set", cls=taking(Shown(AccountChange, NewAccount)))
def set_(
    context: typer.Context,
    account: AccountId,
    fields: MaybeGiven = None,
    code: Code = False,
    code_file: CodeFile = None,
    as_json: Json = False,
) -> None:
    """Change fields of an account, or authorize it anew with --code; what is not named stays."""
    body = parsed(fields or [], AccountChange)
    if code or code_file is not None:
        body["authorization_code"] = asked_secret("Authorization code", code_file)
    api = remote(context)
    show_one(api.call("PATCH", f"/accounts/{account}", some(body, ", or --code")), as_json=as_json)
    if "authorization_code" in body:
        inside = api.pages(f"/accounts/{account}/aliases")
        stopped = [str(one.get("id")) for one in inside if one.get("status") == "inactive"]
        if stopped:
            warn(f"Of its aliases are inactive: {', '.join(stopped)}; ece aliases activate ID makes one active")


@app.command("test")
def try_servers(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """Try the account and each of its aliases, step by step. Exit code 1 when a step failed."""
    answer = remote(context).call("POST", f"/accounts/{account}/test-connection", {})
    if not as_json:
        steps = [step | {"alias": one["email_address"]} for one in answer["aliases"] for step in one["steps"]]
        answer |= {"steps": steps}
    if not answer["aliases"] and answer["ok"]:
        warn("It has no alias yet: its token was tried, and no mail server.")
    show_test(answer, ("alias", *STEPS), as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    account: AccountId,
    yes: Yes = False,
) -> None:
    """Delete an account without aliases, once you have confirmed it."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/accounts/{account}")
        agreed(f"Account {account}: {found['account_name']}")
    api.call("DELETE", f"/accounts/{account}")
    say(f"Account {account} is deleted.")


@app.command()
def aliases(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """List the aliases of an account."""
    found = remote(context).pages(f"/accounts/{account}/aliases")
    show_list(found, _OF_ALIASES, as_json=as_json)


@app.command("new-alias", cls=taking(Shown(NewAccountAlias)))
def new_alias(
    context: typer.Context,
    account: AccountId,
    fields: Given,
    as_json: Json = False,
) -> None:
    """Create an alias in an account; its servers and login are the account's.

    ece accounts new-alias 1 name=Sales email_address=sales@example.com retriever_instance=default
    """
    made(
        remote(context).call("POST", f"/accounts/{account}/aliases", parsed(fields, NewAccountAlias)), as_json=as_json
    )


@app.command("add-existing")
def add_existing(
    context: typer.Context,
    account: AccountId,
    alias: AliasIds,
    shared: Annotated[bool, typer.Option("--shared", help="They belong to a shared account.")] = False,
    as_json: Json = False,
) -> None:
    """Add existing aliases, each once its mailbox has opened with the account. Exit code 1 when one did not."""
    body = {"alias_ids": alias, "add_as_shared_mailbox": shared}
    answer = remote(context).call("POST", f"/accounts/{account}/aliases/add-existing", body)
    show_list(answer["results"], ("alias_id", "outcome", "message"), as_json=as_json)
    if any(one["outcome"] != "added" for one in answer["results"]):
        raise typer.Exit(1)


@app.command("remove-alias")
def remove_alias(
    context: typer.Context,
    account: AccountId,
    alias: AliasId,
    yes: Yes = False,
) -> None:
    """Remove an alias from its account, once you have confirmed it. One made there is deleted for good."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/aliases/{alias}")
        agreed(
            f"Alias {alias}: {found['name']} <{found['email_address']}>",
            "Remove it from the account?",
            "Not removed.",
        )
    api.call("DELETE", f"/accounts/{account}/aliases/{alias}")
    say(f"Alias {alias} is removed from account {account}.")
