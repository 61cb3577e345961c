"""The provider's pages: plain forms that need neither script nor style."""

from html import escape

from tests.rig.identity_book import RESERVED
from tests.rig.identity_records import Asked, Client, User

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><main><h1>{title}</h1>
{body}
</main></body></html>
"""


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), body=body)


def sign_in(action: str, request: str, asked: Asked, *, wrong: bool = False) -> str:
    problem = '<p role="alert" id="problem">User name or password is wrong.</p>' if wrong else ""
    return _page(
        "Sign in",
        f"""{problem}
<form method="post" action="{escape(action)}">
<input type="hidden" name="request" value="{escape(request)}">
<p><label>User name <input name="user_name" autocomplete="username" value="{escape(asked.login_hint)}"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button type="submit">Sign in</button></p>
</form>""",
    )


def consent(action: str, request: str, asked: Asked, client: Client, user: User) -> str:
    wanted = "\n".join(f"<li>{escape(scope)}</li>" for scope in sorted(asked.scopes - RESERVED))
    return _page(
        "Permissions requested",
        f"""<p>{escape(client.client_id)} would like, for {escape(user.address)}:</p>
<ul>
{wanted}
</ul>
<form method="post" action="{escape(action)}">
<input type="hidden" name="request" value="{escape(request)}">
<p><button type="submit" name="decision" value="accept">Accept</button>
<button type="submit" name="decision" value="cancel">Cancel</button></p>
</form>""",
    )


def error(text: str) -> str:
    return _page("Sign-in is not possible", f'<p role="alert" id="problem">{escape(text)}</p>')
