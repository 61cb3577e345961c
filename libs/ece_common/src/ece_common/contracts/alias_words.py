"""What the fields of aliases and instances mean."""

from ece_common.contracts.described import Words

_AFTER_RETRIEVAL = (
    "What becomes of a mail on the server once it is stored here. `delete` (default), `mark_seen`, `move` to the "
    "folder `move_to`, or `keep`; with POP3 `delete` or `keep`. `move` on an IMAP server without the MOVE "
    "extension is a copy and a deletion: should the retriever or the server be killed between the two, `move_to` "
    "gets a second copy of that mail. It is stored here once all the same, and never lost."
)
_USE_SSL = (
    "True: TLS at once on ports 465, 993 and 995, and STARTTLS that has to succeed on any other port; never clear "
    "text. False: the connection is upgraded when the server offers STARTTLS. The certificate is checked in both."
)

ALIAS: Words = {
    "name": "What people call it; no other alias of the department has it.",
    "email_address": "The address that customers write to and that answers come from. It has to exist on the mail "
    "server.",
    "status": "`active` (default): its mail is retrieved. `inactive`: it is not, and stays on the server; answers "
    "are sent all the same. The system makes an alias inactive that cannot be reached; setting `active` tries it "
    "at once.",
    "status_changed_by": "`administrator` or `system`. What an administrator made inactive the system leaves so.",
    "status_changed_at": "When the status last changed, in UTC.",
    "failed_attempts": "How many attempts failed in a row since it was last reached.",
    "retry_at": "When the system tries it next by itself; null: nothing waits for that.",
    "account_id": "The OAuth account that opens its mailbox; null: a basic alias with passwords.",
    "shared_mailbox": "Whether the account's user opens somebody else's mailbox.",
    "automatic_bcc": "One address that gets a blind copy of every mail that is sent from this alias. Default: "
    "none. Silent while `send_mail_to` is set.",
    "send_mail_to": "One address that gets every mail of this alias instead of its recipients, for tests: no "
    "customer gets anything, and no blind copy is sent. Default: none.",
    "default_alias": "From of new messages of the department, and of answers to what was transferred to it where "
    "`from_on_transfer` says so. One alias of a department has it; giving it to another takes it from the first. "
    "It has to be active. Default false.",
    "redirection_email_addresses": "Other addresses whose mail arrives in this mailbox: a list, or text separated "
    "by semicolons; at most 100. An answer comes from the one that the customer wrote to. Default: none.",
    "incoming": "The server and mailbox that mail is retrieved from.",
    "outgoing": "The server that sends for this alias.",
    "after_retrieval": _AFTER_RETRIEVAL,
    "move_to": "The folder for `after_retrieval` = `move`; required then, and only then. It has to exist.",
    "retriever_instance": "The retriever instance that retrieves its mail; null: none does. To be named when it "
    "is created, or later by the instance's `alias_ids`.",
}

_SERVER: Words = {
    "server_name": "A host name or an IP address.",
    "verify_password": "Optional: has to equal `password` when given. Write-only.",
    "password_set": "Whether a password is stored; it is never shown.",
    "tls": "How the server's certificate is checked.",
}

INCOMING: Words = _SERVER | {
    "server_type": "`POP3` (default) or `IMAP`.",
    "user_name": "The login of the mailbox.",
    "password": "The mailbox's password. Write-only; needed again when server, port, `use_ssl` or `tls` changes.",
    "use_ssl": f"{_USE_SSL} Default true.",
    "port": "Follows `server_type` and `use_ssl` until it is set: POP3 110, with SSL 995; IMAP 143, with SSL 993. "
    "Null lets it follow again.",
    "folder": "The folder that mail is taken from; another one than `inbox` (default) only with IMAP.",
}

OUTGOING: Words = _SERVER | {
    "server_type": "`SMTP` (default) sends without a login; `ESMTP` logs in with `user_name` and `password`.",
    "use_smtp": "Only with ESMTP: what happens when the login is refused. `never` (default): mail waits until it "
    "works. `when_authorization_fails`: it is sent without a login.",
    "use_ssl": f"{_USE_SSL} Default false.",
    "port": "Follows `use_ssl` until it is set: 25, with SSL 587. Null lets it follow again.",
    "user_name": "The login; only with ESMTP.",
    "password": "Only with ESMTP. Write-only; needed again when server, port, `use_ssl` or `tls` changes.",
}

TLS: Words = {
    "ca_bundle": "PEM certificates that are trusted besides the system's own. Default: none.",
    "minimum_version": "The oldest version of TLS that is spoken: `TLSv1.2` (default) or `TLSv1.3`.",
}

TRANSITION: Words = {
    "alias_id": "Whose status changed.",
    "from": "The status before.",
    "to": "The status after.",
    "reason": "Why: `set_by_administrator`, `connected`, `authentication_failed`, `network_problem`.",
    "detail": "The mail server's own words, without secrets.",
    "changed_by": "`administrator` or `system`.",
    "attempts": "How many attempts had failed in a row.",
    "epoch": "The retriever's lease; null: no retriever told.",
    "at": "When, in UTC.",
}

INSTANCE: Words = {
    "kind": "`retriever` fetches mail, `dispatcher` sends it.",
    "name": "What replicas give at their start (`ECE_INSTANCE`); letters, digits, dots, hyphens and underscores. "
    "An installation begins with `default` of both kinds.",
    "alias_ids": "Its aliases; an alias is in one retriever instance at most, and one in none is not retrieved. "
    "The dispatcher instance `default` also sends for aliases that are in none. Default: empty.",
    "replicas": "The running processes that share the work, as their heartbeats told.",
}

REPLICA: Words = {
    "name": "What the process calls itself (`ECE_REPLICA`).",
    "live": "Whether its lease is in force.",
    "started_at": "When the process started, in UTC.",
    "last_heartbeat_at": "When it was last heard, in UTC.",
    "lease_expires_at": "When others take its aliases over unless it is heard again.",
    "aliases": "How many aliases it holds now.",
    "counters": "What it counts since its start: mails, failures and the like, by name.",
}

CONNECTION: Words = {
    "incoming": "Whether to test the server that mail is retrieved from. Default true.",
    "outgoing": "Whether to test the server that sends. Default true.",
    "side": "Which server: `incoming` or `outgoing`.",
    "step": "What was tried: the name (`dns`), the connection (`tcp`), encryption (`tls`), the login (`auth`), "
    "the folder (`select`, `move_to`), the sender's address (`mail_from`), an access token (`token`).",
    "outcome": "`ok`, `warning` (it works, but look at `hint`), `failed`, or `skipped` after a failure.",
    "detail": "What was seen, with the server's own words and no secret.",
    "hint": "What to do about it.",
    "message": '"Connection established successfully" when no step failed, else what failed.',
    "aliases": "Each alias of the account with its own steps.",
    "email_address": "The alias's address.",
}
