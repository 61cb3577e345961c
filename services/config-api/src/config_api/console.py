"""The docs page as the administrators' console: what it begins with, its jobs in order, and short operation names."""

from collections.abc import Callable
from typing import Any, get_args

from fastapi import FastAPI
from fastapi.routing import APIRoute

from ece_common.contracts.base import ServiceKind

INTRODUCTION = """\
Mail comes in as **activities**, people answer, answers go out.
Everything that can be set up is set up here or with the command line `ece`, and takes effect at once: no restart.

### From nothing to the first answered mail

1. **Authorize** (the button below) with the bootstrap token of the installation. `access_create_token` makes a
   token for each program and person after that.
2. `departments_create`: it comes with a default queue, an exception queue and the shipped delivery exceptions.
3. `settings_change`: `notification_to_address`, `notification_from_address` and `default_smtp_server`, so that
   somebody hears when a mailbox cannot be reached; `web_server_url` before the first OAuth sign-in.
4. The mailbox, one of two ways. With a password: `aliases_create`, with `default_alias` true and
   `retriever_instance` `default`. With OAuth (Microsoft 365): `oauth_applications_create`,
   `oauth_applications_begin_sign_in`, `accounts_create` with the code that the sign-in ends with,
   `accounts_create_alias`.
5. `aliases_try_servers` tries both servers step by step and says what to mend.
6. Optional: `workflows_create` sorts mail into queues (`queues_create`), sets priorities and acknowledges; without
   one it waits in the department's default queue. `blocked_attachments_create_extension`,
   `delivery_exceptions_create` and `masking_create` with `masking_change_channel` say what is kept out, recognised
   and made unreadable.
7. A customer writes: `activities_list` shows it, `activities_reply` answers it, `deliveries_read` says how far the
   answer is. Attachments: `activities_attachment`.

### How every operation behaves

- **Authentication**: `Authorization: Bearer <token>`. A token can be for some departments and some actions only
  (`access_create_token`); of others' resources it hears 404.
- **Errors** are `application/problem+json` (RFC 9457): `code` is stable and for programs, `detail` is for people,
  `errors` names each field with what would be right, `references` what still uses a thing that was to be deleted.
- **Types are exact** in bodies: `true` is no `"true"`, `25` no `"25"`. An unknown field or parameter is refused by
  name.
- **Lists** come a page at a time: `limit` (100, at most 500); `next_cursor` of the answer goes into `cursor` for
  the next page and is null at the end.
- **Changes** are merge patches (RFC 7396): a field left out stays, null clears it or restores its default. Send
  the `ETag` that you read as `If-Match`, and a change that crosses somebody else's is answered 412 instead of
  undoing it. A change of nothing leaves the `ETag` as it is.
- **Twice is once**: a reply or new message that is sent again with the same `Idempotency-Key` within 24 hours gets
  the first answer, and no customer gets it twice.
- **Events**: `events_read_feed` tells everything that happens, in an order that never changes; remember
  `next_after` and go on from there. Old ones leave it after a year, or when the
  settings say. `events_audit_log` says who changed what.
- **Secrets** are written and never shown; a field that ends in `_set` says whether there is one.
- Sizes are in bytes, times in seconds, moments in UTC.
"""

TAGS: list[dict[str, str]] = [
    {"name": "departments", "description": "The groups that everything else belongs to. Begin here."},
    {
        "name": "settings",
        "description": "What counts for the whole partition, and what a department decides for itself. Each setting "
        "says its default, its unit and who inherits it.",
    },
    {
        "name": "aliases",
        "description": "The addresses that customers write to, with their mailbox and the server that sends for "
        "them; their status, its history and a test of both servers.",
    },
    {
        "name": "OAuth applications",
        "description": "What a provider such as Microsoft 365 knows this gateway as. First step of OAuth: then an "
        "account, then its aliases.",
    },
    {"name": "accounts", "description": "A mailbox owner's consent, kept fresh, and the aliases that it opens."},
    {
        "name": "instances",
        "description": "Which worker processes share which aliases. An alias in no retriever instance is not "
        "retrieved; `default` of both kinds is there from the beginning.",
    },
    {"name": "queues", "description": "Where a department's mail waits for people."},
    {"name": "workflows", "description": "Ordered rules that say where incoming mail goes and what happens to it."},
    {
        "name": "blocked attachments",
        "description": "Files that a department lets nobody send it, and the quarantine where they are looked at, "
        "restored or deleted. The partition's lists stand in the settings.",
    },
    {
        "name": "delivery exceptions",
        "description": "Words and phrases by which bounced mail is known; the shipped ones come with a department.",
    },
    {
        "name": "masking",
        "description": "Patterns of sensitive data, and the channels that say where they are made unreadable. First "
        "a pattern, then its id in a channel's `pattern_ids` with `mask_incoming` or `mask_outgoing`.",
    },
    {"name": "activities", "description": "The mail itself: find, read, assign, move, answer, transfer, write."},
    {"name": "deliveries", "description": "How far an outgoing activity has come; try it now, or cancel it."},
    {"name": "events", "description": "The feed for other programs, and the audit log."},
    {"name": "access", "description": "Tokens: who may call, for which departments and actions."},
    {"name": "operations", "description": "For probes and monitoring; no token."},
    {
        "name": "worker side",
        "description": "What retrievers and dispatchers call. Nothing here is for administrators.",
    },
]
"""By job, in the order in which somebody comes to them."""

_DEPARTMENT = "From `departments_list`."
PARAMETERS: dict[str, str] = {
    "department_id": _DEPARTMENT,
    "alias_id": "From `aliases_list`.",
    "account_id": "From `accounts_list`.",
    "application_id": "From `oauth_applications_list`.",
    "instance_id": "From the list of instances.",
    "exception_id": "From `delivery_exceptions_list`.",
    "extension_id": "From `blocked_attachments_list_extensions`.",
    "blocked_id": "From `blocked_attachments_list`.",
    "pattern_id": "From `masking_list`.",
    "queue_id": "From `queues_list`.",
    "workflow_id": "From `workflows_list`.",
    "activity_id": "From `activities_list`.",
    "token_id": "From `access_list_tokens`.",
    "claim_id": "From `worker_side_claim_messages`.",
    "n": "The attachment's number in its activity.",
    "instance": "The name of the instance.",
    "replica": "The name of the running process.",
    "name": "Only the one with exactly this name.",
    "status": "Only those in this status.",
    "authorization_state": "Only those in this state.",
    "default_alias": "True: only the default alias; false: all others.",
    "type": "Only phrases that are looked for there.",
    "failure": "Only phrases that mean this.",
    "parent_id": "Only answers to this activity.",
    "direction": "Only `inbound` or only `outbound`.",
    "subtype": "Only those of this kind, such as bounces.",
    "assigned_to": "Only those of this person, exactly as assigned.",
    "from": "Only those from exactly this address.",
    "principal": "Only what this caller did.",
    "action": "Only this action, such as `alias.changed`.",
    "subject": "Only what was done to this, such as `alias/7`.",
    "since": "At or after this moment.",
}
"""By name, for a parameter that its operation has no better words for."""


def operation_id(route: APIRoute) -> str:
    """`aliases_create`: what generated clients call it. Stable: it names the job and no path."""
    tag = str(route.tags[0]).lower().replace(" ", "_") if route.tags else ""
    job = "list" if route.name == "listing" else route.name
    # Both kinds of instances have the same routes.
    kind = next((kind for kind in get_args(ServiceKind) if f"/{kind}-instances" in route.path_format), None)
    if kind is not None and not job.startswith(kind):
        return f"{tag}_{kind}_{job}" if tag != "instances" else f"{kind}_instances_{job}"
    return f"{tag}_{job}".strip("_")


def describe(app: FastAPI) -> None:
    """Words for parameters that have none."""
    generated: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        schema = generated()
        for item in schema["paths"].values():
            for operation in item.values():
                for parameter in operation.get("parameters", []):
                    if parameter["name"] in PARAMETERS:
                        parameter.setdefault("description", PARAMETERS[parameter["name"]])
        return schema

    app.openapi = described
