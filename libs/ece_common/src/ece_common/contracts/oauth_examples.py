"""Bodies about OAuth as the docs page shows them."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT = "2026-03-02T09:30:00Z"
_LATER = "2026-03-02T09:40:00Z"
_TENANT = "d60887ce-0000-4000-8000-a7266a25839f"
_CLIENT = "26047cfe-0000-4000-8000-b9a188e10382"
_SCOPE = "https://outlook.office.com/"

NEW_OAUTH_APPLICATION = shown(
    {
        "name": "Mail",
        "description": "Registered for the support mailboxes",
        "tenant_id": _TENANT,
        "client_id": _CLIENT,
        "client_secret": "the secret's Value",
        "client_secret_expires_at": "2027-03-01T00:00:00Z",
    },
    {
        "name": "Own provider",
        "provider": "custom",
        "issuer": "https://login.example.com/realm",
        "client_id": "mail-gateway",
        "client_secret": "the client's secret",
        "servers": {
            "imap": {"host": "imap.example.com", "port": 993, "scopes": ["imap"]},
            "smtp": {"host": "smtp.example.com", "port": 587, "scopes": ["smtp"]},
        },
    },
)
OAUTH_APPLICATION_CHANGE = shown(
    {"client_secret": "the new secret", "client_secret_expires_at": "2028-03-01T00:00:00Z"}
)
_SERVERS: dict[str, JsonValue] = {
    "imap": {
        "host": "outlook.office365.com",
        "port": 993,
        "use_ssl": True,
        "scopes": [f"{_SCOPE}IMAP.AccessAsUser.All"],
    },
    "pop3": {
        "host": "outlook.office365.com",
        "port": 995,
        "use_ssl": True,
        "scopes": [f"{_SCOPE}POP.AccessAsUser.All"],
    },
    "smtp": {"host": "smtp.office365.com", "port": 587, "use_ssl": True, "scopes": [f"{_SCOPE}SMTP.Send"]},
}
OAUTH_APPLICATION = shown(
    {
        "id": 2,
        "name": "Mail",
        "description": "Registered for the support mailboxes",
        "provider": "microsoft_office_365",
        "endpoint": "worldwide",
        "tenant_id": _TENANT,
        "issuer": None,
        "client_id": _CLIENT,
        "client_secret_set": True,
        "client_secret_expires_at": "2027-03-01T00:00:00Z",
        "certificate": None,
        "servers": _SERVERS,
        "application_scopes": ["https://outlook.office365.com/.default"],
        "created_at": _AT,
        "updated_at": _AT,
    }
)
VERIFICATION = shown(
    {
        "ok": False,
        "steps": [
            {
                "step": "web_server_url",
                "outcome": "ok",
                "detail": "https://mail.example.com/oauth/callback",
                "hint": None,
            },
            {"step": "addresses", "outcome": "ok", "detail": "login.microsoftonline.com", "hint": None},
            {"step": "discovery", "outcome": "ok", "detail": "the provider describes itself", "hint": None},
            {
                "step": "credentials",
                "outcome": "failed",
                "detail": "invalid_client: AADSTS7000215: Invalid client secret provided.",
                "hint": "enter the secret's Value, not its id; make a new secret when the Value is lost",
            },
            {"step": "expiry", "outcome": "ok", "detail": "the secret expires in 300 days", "hint": None},
        ],
    }
)
NEW_AUTHORIZATION_REQUEST = shown({"account_id": 5, "login_hint": "support@example.com"}, {})
AUTHORIZATION_REQUEST = shown(
    {
        "authorization_url": "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize?client_id=...&state=...",
        "redirect_uri": "https://mail.example.com/oauth/callback",
        "expires_at": _LATER,
    }
)
NEW_ACCOUNT = shown(
    {
        "account_name": "support@example.com",
        "oauth_application_id": 2,
        "server_type": "imap_and_smtp",
        "authorization_code": "the code that the sign-in page showed",
    }
)
ACCOUNT_CHANGE = shown({"authorization_code": "the code that the sign-in page showed"}, {"status": "inactive"})
ACCOUNT = shown(
    {
        "id": 5,
        "department_id": 1,
        "account_name": "support@example.com",
        "account_description": "",
        "status": "active",
        "oauth_application_id": 2,
        "server_type": "imap_and_smtp",
        "address": "outlook.office365.com",
        "authentication_type": "oauth_2_0",
        "authentication_flow": "authorization_code",
        "authorization_state": "authorized",
        "authorization_reason": None,
        "authorization_detail": None,
        "authorization_changed_at": _AT,
        "authorized_user_name": "support@example.com",
        "access_token_expires_at": _LATER,
        "created_at": _AT,
        "updated_at": _AT,
    }
)
NEW_ACCOUNT_ALIAS = shown(
    {
        "email_address": "support@example.com",
        "default_alias": True,
        "redirection_email_addresses": ["help@example.com"],
        "folder": "inbox",
        "retriever_instance": "default",
    },
    {"email_address": "returns@example.com", "shared_mailbox": True},
)
ADD_EXISTING_ALIASES = shown({"alias_ids": [7, 8], "add_as_shared_mailbox": False})
ADDED_ALIASES = shown(
    {
        "results": [
            {"alias_id": 7, "outcome": "added", "message": "Connection established successfully", "steps": []},
            {
                "alias_id": 8,
                "outcome": "refused",
                "message": "The incoming server refused the login: NO AUTHENTICATE failed.",
                "steps": [],
            },
        ]
    }
)
_TESTED: dict[str, JsonValue] = {
    "alias_id": 7,
    "email_address": "support@example.com",
    "ok": True,
    "message": "Connection established successfully",
    "steps": [],
}
ALIAS_CONNECTION_TEST = shown(_TESTED)
ACCOUNT_CONNECTION_TEST = shown(
    {
        "ok": True,
        "message": "Connection established successfully",
        "aliases": [_TESTED],
    }
)
