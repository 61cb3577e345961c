"""One contact centre's bodies, as the docs page shows them: every example fits its model and the others."""

from pydantic import ConfigDict, JsonValue


def shown(*bodies: dict[str, JsonValue]) -> ConfigDict:
    """For a `model_config`: merges with what the model inherits."""
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


_AT = "2026-03-02T09:30:00Z"
_LATER = "2026-03-02T09:31:00Z"

NEW_DEPARTMENT = shown({"name": "Service", "description": "Questions about orders and returns"})
DEPARTMENT_CHANGE = shown({"description": "Questions about orders, returns and invoices"})
DEPARTMENT = shown(
    {
        "id": 1,
        "name": "Service",
        "description": "Questions about orders and returns",
        "created_at": _AT,
        "updated_at": _AT,
    }
)

NEW_QUEUE = shown({"name": "Returns", "description": "Goods that come back"})
QUEUE_CHANGE = shown({"name": "Returns and repairs"})
QUEUE = shown(
    {
        "id": 3,
        "department_id": 1,
        "name": "Returns",
        "description": "Goods that come back",
        "is_default": False,
        "is_exception": False,
        "created_at": _AT,
        "updated_at": _AT,
    }
)

NEW_TOKEN = shown(
    {"name": "Retrievers in the first cluster", "kind": "retriever", "instance": "default"},
    {"name": "Reporting", "kind": "administrator", "expires_at": "2030-01-31T00:00:00Z"},
    {
        "name": "Desktop of the service team",
        "kind": "administrator",
        "department_ids": [1],
        "actions": ["pick_from_exception_queue", "restore_blocked_attachment"],
    },
)
_TOKEN: dict[str, JsonValue] = {
    "id": 2,
    "name": "Retrievers in the first cluster",
    "kind": "retriever",
    "instance": "default",
    "created_at": _AT,
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": _LATER,
}
TOKEN = shown(_TOKEN)
MINTED_TOKEN = shown({**_TOKEN, "last_used_at": None, "token": "ece_shown-once-keep-it-well"})
ME = shown({"name": "token/2", "kind": "retriever", "instance": "default"})

_TLS: dict[str, JsonValue] = {"ca_bundle": None, "minimum_version": "TLSv1.2"}
NEW_ALIAS = shown(
    {
        "name": "Support",
        "description": "The address on every invoice",
        "email_address": "support@example.com",
        "default_alias": True,
        "redirection_email_addresses": ["help@example.com"],
        "incoming": {
            "server_type": "IMAP",
            "server_name": "imap.example.com",
            "user_name": "support",
            "password": "the mailbox's password",
            "use_ssl": True,
        },
        "outgoing": {
            "server_type": "ESMTP",
            "server_name": "smtp.example.com",
            "use_ssl": True,
            "user_name": "support",
            "password": "the mailbox's password",
        },
    },
    {
        "name": "Orders",
        "email_address": "orders@example.com",
        "incoming": {"server_name": "pop.example.com", "user_name": "orders", "password": "the mailbox's password"},
        "outgoing": {"server_name": "smtp.example.com"},
    },
)
ALIAS_CHANGE = shown({"status": "inactive"}, {"incoming": {"password": "the new password"}, "automatic_bcc": None})
ALIAS = shown(
    {
        "id": 7,
        "department_id": 1,
        "account_id": None,
        "name": "Support",
        "description": "The address on every invoice",
        "email_address": "support@example.com",
        "status": "active",
        "status_reason": None,
        "status_changed_by": "administrator",
        "status_changed_at": _AT,
        "failed_attempts": 0,
        "retry_at": None,
        "automatic_bcc": None,
        "send_mail_to": None,
        "default_alias": True,
        "redirection_email_addresses": ["help@example.com"],
        "incoming": {
            "server_type": "IMAP",
            "server_name": "imap.example.com",
            "user_name": "support",
            "password_set": True,
            "use_ssl": True,
            "port": 993,
            "folder": "inbox",
            "tls": _TLS,
        },
        "outgoing": {
            "server_type": "ESMTP",
            "use_smtp": "never",
            "server_name": "smtp.example.com",
            "use_ssl": True,
            "port": 587,
            "user_name": "support",
            "password_set": True,
            "tls": _TLS,
        },
        "after_retrieval": "delete",
        "move_to": None,
        "retriever_instance": "default",
        "created_at": _AT,
        "updated_at": _AT,
    }
)
_TRANSITION: dict[str, JsonValue] = {
    "id": 12,
    "alias_id": 7,
    "from": "active",
    "to": "inactive",
    "reason": "authentication_failed",
    "detail": "NO [AUTHENTICATIONFAILED] invalid credentials",
    "changed_by": "system",
    "attempts": 3,
    "epoch": 4,
    "at": _LATER,
}
STATUS_TRANSITION = shown(_TRANSITION)

NEW_INSTANCE = shown({"name": "default", "description": "Every mailbox of the shop", "alias_ids": [7]})
INSTANCE_CHANGE = shown({"alias_ids": [7, 8]})
INSTANCE = shown(
    {
        "id": 1,
        "kind": "retriever",
        "name": "default",
        "description": "Every mailbox of the shop",
        "alias_ids": [7],
        "replicas": [
            {
                "name": "retriever-0",
                "live": True,
                "started_at": _AT,
                "last_heartbeat_at": _LATER,
                "lease_expires_at": "2026-03-02T09:31:15Z",
                "aliases": 1,
                "counters": {"stored": 120},
            }
        ],
        "created_at": _AT,
        "updated_at": _AT,
    }
)
ACTIVITY_CHANGE = shown({"status": "completed"}, {"queue_id": 3})
TRANSFER = shown({"department_id": 2, "note": "It is about an invoice."})
ASSIGNMENT = shown({"assigned_to": "maria"}, {"assigned_to": None})
NEW_REPLY = shown(
    {"text": "Dear Anna, your order left us this morning."},
    {
        "html": "<p>Dear Anna, here is your label.</p>",
        "cc": ["returns@example.com"],
        "attachments": [{"name": "label.txt", "content_type": "text/plain", "content_base64": "UmV0dXJuIDQ3MTE="}],
    },
)
NEW_MESSAGE = shown(
    {"to": ["anna@customer.example"], "subject": "Your return", "text": "Dear Anna, your return has arrived."}
)
_SUMMARY: dict[str, JsonValue] = {
    "id": 31,
    "department_id": 1,
    "alias_id": 7,
    "queue_id": 3,
    "direction": "inbound",
    "subtype": "email",
    "status": "new",
    "assigned_to": None,
    "from": "anna@customer.example",
    "from_name": "Anna",
    "to": ["support@example.com"],
    "subject": "My order",
    "message_id": "<4711@customer.example>",
    "in_reply_to": None,
    "parent_id": None,
    "received_at": _AT,
    "created_at": _AT,
    "updated_at": _AT,
    "priority": 2,
    "due_at": "2026-03-02T13:30:00Z",
    "tags": ["returns"],
    "routing_error": None,
}
ACTIVITY_SUMMARY = shown(_SUMMARY)
ACTIVITY = shown(
    {
        **_SUMMARY,
        "cc": [],
        "bcc": [],
        "reply_to": [],
        "text": "Where is it?\r\n",
        "html": None,
        "headers": [{"name": "Subject", "value": "My order"}],
        "evidence": None,
        "policy_version": None,
        "unparsed_reason": None,
        "attachments": [],
    }
)
DELIVERY = shown(
    {
        "activity_id": 32,
        "status": "sent",
        "attempts": 1,
        "next_attempt_at": None,
        "last_error": None,
        "recipients": [
            {
                "address": "anna@customer.example",
                "kind": "to",
                "status": "sent",
                "smtp_code": 250,
                "enhanced_code": "2.0.0",
                "smtp_reply": "2.0.0 Ok: queued as 4711",
                "bounced_by": None,
            }
        ],
    }
)

_EVENT: dict[str, JsonValue] = {
    "id": 99,
    "type": "activity.created",
    "subject": "activity/31",
    "department_id": 1,
    "data": {"direction": "inbound", "subtype": "email"},
    "at": _AT,
}
EVENT = shown(_EVENT)
EVENT_PAGE = shown({"items": [_EVENT], "next_after": "812.99"})
AUDIT_ENTRY = shown(
    {
        "id": 5,
        "at": _AT,
        "principal": "token/4",
        "action": "department.changed",
        "subject": "department/1",
        "department_id": 1,
        "changes": {"name": ["Care", "Service"]},
    }
)
