"""`ece accounts`: mailboxes that somebody let us into by OAuth."""

from pathlib import Path
from typing import Annotated

import typer

from ece_common.cli.fields import Json, asked_secret, parsed
from ece_common.cli.output import say, show_list, show_one
from ece_common.cli.remote import remote

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
AccountId = Annotated[int, typer.Argument(help="The account's id, from `ece accounts list`.")]
CodeFile = Annotated[Path | None, typer.Option(help="Read the authorization code from here instead of asking.")]
Code = Annotated[bool, typer.Option("--code", help="Ask for the authorization code that the sign-in page showed.")]


@app.command("list")
def list_(
    context: typer.Context,
    department: Annotated[int | None, typer.Argument(help="Only this department's; all when left out.")] = None,
    as_json: Json = False,
) -> None:
    """List accounts and whether they are authorized."""
    api = remote(context)
    ids = [department] if department is not None else [one["id"] for one in api.pages("/departments")]
    found = [account for one in ids for account in api.pages(f"/departments/{one}/accounts")]
    show_list(found, COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """Show one account with all its fields."""
    show_one(remote(context).call("GET", f"/accounts/{account}"), as_json=as_json)


@app.command()
def create(
    context: typer.Context,
    department: Annotated[int, typer.Argument(help="The department's id.")],
    fields: Annotated[list[str], typer.Argument(help="field=value, such as server_type=imap_and_smtp")],
    code: Code = False,
    code_file: CodeFile = None,
    as_json: Json = False,
) -> None:
    """Create an account; with --code it is authorized in the same step.

    ece accounts create 1 account_name=support@example.com oauth_application_id=2 --code
    """
    body = parsed(fields)
    if code or code_file is not None:
        body["authorization_code"] = asked_secret("Authorization code", code_file)
    show_one(remote(context).call("POST", f"/departments/{department}/accounts", body), as_json=as_json)


@app.command("set")
def set_(
    context: typer.Context,
    account: AccountId,
    fields: Annotated[list[str] | None, typer.Argument(help="field=value")] = None,
    code: Code = False,
    code_file: CodeFile = None,
    as_json: Json = False,
) -> None:
    """Change fields of an account, or authorize it anew with --code; what is not named stays."""
    body = parsed(fields or [])
    if code or code_file is not None:
        body["authorization_code"] = asked_secret("Authorization code", code_file)
    show_one(remote(context).call("PATCH", f"/accounts/{account}", body), as_json=as_json)


@app.command("test")
def try_servers(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """Try the account and each of its aliases, step by step. Exit code 1 when a step failed."""
    answer = remote(context).call("POST", f"/accounts/{account}/test-connection", {})
    show_one(answer, as_json=as_json)
    if answer.get("ok") is False:
        raise typer.Exit(1)


@app.command()
def delete(
    context: typer.Context,
    account: AccountId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Delete an account without aliases, once you have confirmed it (R206)."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/accounts/{account}")
        say(f"Account {account}: {found['account_name']}")
        if not typer.confirm("Delete it?", default=False):
            say("Not deleted.")
            raise typer.Exit(1)
    api.call("DELETE", f"/accounts/{account}")
    say(f"Account {account} is deleted.")


@app.command()
def aliases(context: typer.Context, account: AccountId, as_json: Json = False) -> None:
    """List the aliases of an account."""
    found = remote(context).pages(f"/accounts/{account}/aliases")
    show_list(found, ("id", "name", "email_address", "status", "shared_mailbox", "default_alias"), as_json=as_json)


@app.command("new-alias")
def new_alias(
    context: typer.Context,
    account: AccountId,
    fields: Annotated[list[str], typer.Argument(help="field=value, such as email_address=support@example.com")],
    as_json: Json = False,
) -> None:
    """Create an alias in an account; its servers and login are the account's."""
    show_one(remote(context).call("POST", f"/accounts/{account}/aliases", parsed(fields)), as_json=as_json)


@app.command("add-existing")
def add_existing(
    context: typer.Context,
    account: AccountId,
    alias: Annotated[list[int], typer.Argument(help="Ids of basic aliases of the same department.")],
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
    alias: Annotated[int, typer.Argument(help="The alias's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")] = False,
) -> None:
    """Remove an alias from its account, once you have confirmed it (R204). One made there is deleted for good."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/aliases/{alias}")
        say(f"Alias {alias}: {found['name']} <{found['email_address']}>")
        if not typer.confirm("Remove it from the account?", default=False):
            say("Not removed.")
            raise typer.Exit(1)
    api.call("DELETE", f"/accounts/{account}/aliases/{alias}")
    say(f"Alias {alias} is removed from account {account}.")
