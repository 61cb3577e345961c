"""`ece oauth-applications`: what identity providers know this service as."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.field_help import Shown, taking
from ece_common.cli.fields import Given, Json, MaybeGiven, Yes, asked_secret, content_of, parsed, some
from ece_common.cli.identities import ApplicationId, an_id
from ece_common.cli.output import agreed, say, show_list, show_one, show_test
from ece_common.cli.remote import remote
from ece_common.contracts.oauth_applications import NewOauthApplication, OauthApplicationChange

app = typer.Typer(no_args_is_help=True, help="Registrations with Azure or another identity provider.")

COLUMNS = ("id", "name", "provider", "endpoint", "tenant_id", "client_id", "client_secret_expires_at")
SecretFile = Annotated[Path | None, typer.Option(help="Read the client secret from here instead of asking.")]
KeyFile = Annotated[Path | None, typer.Option(help="PEM private key: with --certificate instead of a secret.")]
CertificateFile = Annotated[Path | None, typer.Option(help="PEM certificate that the provider knows.")]
_SECRETS = ("client_secret", "private_key")


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List OAuth applications."""
    show_list(remote(context).pages("/oauth-applications"), COLUMNS, as_json=as_json)


@app.command()
def show(context: typer.Context, application: ApplicationId, as_json: Json = False) -> None:
    """Show one application: servers and scopes too, no secret."""
    show_one(remote(context).call("GET", f"/oauth-applications/{application}"), as_json=as_json)


@app.command(cls=taking(Shown(NewOauthApplication)))
def create(
    context: typer.Context,
    fields: Given,
    secret_file: SecretFile = None,
    private_key: KeyFile = None,
    certificate: CertificateFile = None,
    as_json: Json = False,
) -> None:
    """Register an application. The client secret is asked for.

    ece oauth-applications create name=Mail tenant_id=d60887ce-... client_id=26047cfe-...
    """
    body = parsed(fields, NewOauthApplication) | _credential(secret_file, private_key, certificate)
    show_one(remote(context).call("POST", "/oauth-applications", body), as_json=as_json)


@app.command("set", cls=taking(Shown(OauthApplicationChange, NewOauthApplication)))
def set_(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    application: ApplicationId,
    fields: MaybeGiven = None,
    secret: Annotated[bool, typer.Option("--secret", help="Ask for a new client secret.")] = False,
    secret_file: SecretFile = None,
    private_key: KeyFile = None,
    certificate: CertificateFile = None,
    as_json: Json = False,
) -> None:
    """Change an application; what is not named stays. Another tenant, issuer or server needs the secret again."""
    body = parsed(fields or [], OauthApplicationChange)
    if secret or secret_file or private_key or certificate:
        body |= _credential(secret_file, private_key, certificate)
    show_one(
        remote(context).call("PATCH", f"/oauth-applications/{application}", some(body, ", or --secret")),
        as_json=as_json,
    )


@app.command()
def verify(context: typer.Context, application: ApplicationId, as_json: Json = False) -> None:
    """Try it against the provider, step by step. Exit code 1 when a step failed."""
    answer = remote(context).call("POST", f"/oauth-applications/{application}/verify", {})
    show_test(answer, ("step", "outcome", "detail", "hint"), as_json=as_json)


@app.command("sign-in")
def sign_in(
    context: typer.Context,
    application: ApplicationId,
    account: Annotated[
        int | None,
        typer.Option(help="Authorize this account directly; nothing to paste.", parser=an_id("accounts list")),
    ] = None,
    user: Annotated[str | None, typer.Option(help="The user name to fill in on the sign-in page.")] = None,
) -> None:
    """Print the address to open in a browser. The page at the end shows the authorization code."""
    asked: dict[str, Any] = {"account_id": account, "login_hint": user}
    path = f"/oauth-applications/{application}/authorization-requests"
    answer = remote(context).call("POST", path, asked)
    say(answer["authorization_url"])


@app.command()
def delete(
    context: typer.Context,
    application: ApplicationId,
    yes: Yes = False,
) -> None:
    """Delete an application that no account uses, once you have confirmed it."""
    api = remote(context)
    if not yes:
        found = api.call("GET", f"/oauth-applications/{application}")
        agreed(f"OAuth application {application}: {found['name']}")
    api.call("DELETE", f"/oauth-applications/{application}")
    say(f"OAuth application {application} is deleted.")


def _credential(secret_file: Path | None, private_key: Path | None, certificate: Path | None) -> dict[str, Any]:
    if private_key is not None and certificate is not None:
        return {"certificate": {"private_key": content_of(private_key), "certificate": content_of(certificate)}}
    if private_key is not None or certificate is not None:
        raise typer.BadParameter("--private-key and --certificate go together", param_hint="--certificate")
    return {"client_secret": asked_secret("Client secret", secret_file)}
