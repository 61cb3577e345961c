"""What the fields of OAuth applications and e-mail accounts mean."""

from ece_common.contracts.described import Words

APPLICATION: Words = {
    "name": "What people call it; no other application has it.",
    "provider": "`microsoft_office_365` (default), or `custom`: any provider with OpenID Connect discovery.",
    "endpoint": "Which of Microsoft's clouds: `worldwide` (default), `gcc_high`, `dod` or `china`. Only with "
    "Microsoft.",
    "tenant_id": "The directory (tenant) id or one of its domains. Required with Microsoft.",
    "client_id": "The application (client) id that the provider gave.",
    "client_secret": "The secret's Value, not its id. Write-only; needed again when tenant, issuer, endpoint, "
    "client or servers change. Required unless `certificate` is given.",
    "client_secret_set": "Whether a client secret is stored; it is never shown.",
    "client_secret_expires_at": "When the provider lets the secret run out: warnings are told 30, 7 and 1 days "
    "before. Default: not known, no warning.",
    "certificate": "Instead of a client secret.",
    "issuer": "The https address whose OpenID configuration names it. Only with a custom provider, and required "
    "there.",
    "servers": "The provider's mail servers. Of Microsoft they are known; of a custom provider `smtp` and one of "
    "`imap` and `pop3` are required.",
    "application_scopes": "What the client-credentials flow asks for. Only with a custom provider.",
    "authorization_url": "Where a browser signs in; good once, until `expires_at`.",
    "expires_at": "When it ends, in UTC.",
}

SERVERS: Words = {
    "imap": "Where mailboxes are opened by IMAP.",
    "pop3": "Where mailboxes are opened by POP3.",
    "smtp": "The server that sends.",
    "host": "A host name or an IP address.",
    "port": "1 to 65,535.",
}

CERTIFICATE: Words = {
    "thumbprint_sha256": "SHA-256 in upper-case hex.",
    "subject": "Whom it names.",
    "expires_at": "When it runs out, in UTC.",
}

VERIFICATION: Words = {
    "step": "What was checked: the address to come back to, the provider's addresses, its discovery document, our "
    "credentials, and when they run out.",
    "outcome": "`ok`, `warning`, `failed` or `skipped`.",
    "detail": "What was seen.",
    "hint": "What to do about it; null: nothing.",
}

ACCOUNT: Words = {
    "account_name": "What people call it; no other account of the department has it.",
    "account_description": "For people: at most 2,000 characters. Default: empty.",
    "status": "`active` (default), or `inactive`: its aliases get no access, and their mail stays on the server.",
    "oauth_application_id": "The OAuth application that it signs in by. Another one needs a new sign-in.",
    "server_type": "What its aliases are retrieved and sent by: `imap_and_smtp` (default) or `pop3_and_smtp`.",
    "address": "The provider's mail server; given by the OAuth application.",
    "authentication_type": "Always `oauth_2_0`.",
    "authentication_flow": "`authorization_code` (default): the owner of the mailbox signs in. "
    "`client_credentials`: the application itself has the right to the mailboxes, and nobody signs in.",
    "authorization_state": "`not_authorized`: nobody signed in yet. `authorized`: access is kept fresh. "
    "`invalid`: the provider refuses it; a new sign-in is needed, and its aliases are inactive until then.",
    "authorization_changed_at": "When this state was reached, in UTC.",
    "authorized_user_name": "Who signed in; null: nobody, or the application itself.",
    "access_token_expires_at": "When the token of now runs out; it is renewed before by itself.",
}

ADDING: Words = {
    "alias_ids": "1 to 20 basic aliases of the account's department.",
    "outcome": "`added` or `refused`.",
    "message": "The result in one sentence.",
    "results": "One for each alias, in the order asked.",
}
