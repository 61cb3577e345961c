"""What the Config API says to retrievers and dispatchers, as the docs page shows it; goes on from `examples`."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT, _SOON = "2026-03-02T09:30:00Z", "2026-03-02T10:30:00Z"
_TOKEN = "eyJ0eXAiOiJKV1QifQ.a-short-lived-one"  # noqa: S105 - shown on the docs page
_SMTP: dict[str, JsonValue] = {
    "server_type": "ESMTP",
    "server_name": "smtp.example.com",
    "port": 587,
    "use_ssl": True,
    "use_smtp": "never",
    "user_name": "support",
    "password": "the mailbox's password",
}
_IMAP: dict[str, JsonValue] = {
    "server_type": "IMAP",
    "server_name": "imap.example.com",
    "port": 993,
    "use_ssl": True,
    "user_name": "support",
    "password": "the mailbox's password",
    "folder": "inbox",
}

STATUS_ANSWER = shown(
    {
        "alias_id": 7,
        "status": "active",
        "status_changed_by": "administrator",
        "recoverable": False,
        "failed_attempts": 1,
        "next_attempt_at": "2026-03-02T09:30:30Z",
        "transition": None,
    }
)
HEARTBEAT_ANSWER = shown(
    {
        "lease_seconds": 15.0,
        "lease_expires_at": "2026-03-02T09:30:15Z",
        "beat_after_seconds": 5.0,
        "leases": [{"alias_id": 7, "epoch": 4}],
    }
)
RETRIEVER_ASSIGNMENT = shown(
    {
        "instance": "default",
        "replica": "retriever-0",
        "lease_seconds": 15.0,
        "settings": {
            "maximum_email_size": 26214400,
            "action_for_large_email": "skip_and_notify",
            "maximum_body_size": 1048576,
            "message_note_for_large_body": "Email body was too large. It is saved as an attachment",
            "retriever_batch_size": 100,
            "connection_attempts": 3,
            "retry_after_seconds": 600,
            "poll_interval_seconds": 30,
            "bounce_evidence": "delivery_status_first",
        },
        "aliases": [
            {
                "alias_id": 7,
                "department_id": 1,
                "email_address": "support@example.com",
                "epoch": 4,
                "mailbox_generation": 1,
                "status": "active",
                "recoverable": False,
                "next_attempt_at": None,
                "failed_attempts": 0,
                "handed_over_at": None,
                "incoming": _IMAP,
                "after_retrieval": "delete",
                "move_to": None,
            }
        ],
        "policies": {},
    }
)
DISPATCHER_ASSIGNMENT = shown(
    {
        "instance": "default",
        "replica": "dispatcher-0",
        "lease_seconds": 15.0,
        "settings": {"maximum_connections": 8},
        "alias_ids": [7],
        "serves_unassigned": True,
    }
)
ACCESS_TOKEN = shown({"access_token": _TOKEN, "expires_at": _SOON})
CLAIM_ANSWER = shown(
    {
        "claims": [
            {
                "activity_id": 32,
                "claim_id": "1c9e3f60-8f0c-4c7a-9d52-6b1f0a2e4d11",
                "claim_expires_at": "2026-03-02T09:32:00Z",
                "route": "alias-7-5f1c",
                "envelope_from": "support@example.com",
                "from": "support@example.com",
                "from_name": "Support",
                "to": ["anna@customer.example"],
                "cc": [],
                "recipients": [{"position": 0, "address": "anna@customer.example", "kind": "to"}],
                "subject": "Re: My order",
                "text": "Dear Anna, your order left us this morning.",
                "html": None,
                "message_id": "<32.5f1c@example.com>",
                "in_reply_to": "<order@customer.example>",
                "references": ["<order@customer.example>"],
                "date": _AT,
                "automatic": False,
                "return_tag": None,
                "attachments": [],
                "attempts": 0,
            }
        ],
        "routes": {"alias-7-5f1c": _SMTP},
    }
)
OUTCOME_ANSWER = shown({"results": [{"index": 0, "result": "accepted", "reason": None}]})
KNOWN_ANSWER = shown({"known": [0]})
JOB_ANSWER = shown(
    {
        "job": {
            "id": "0b1f6a52-2a55-4f4e-9a3a-5a0e2f7d9c10",
            "kind": "test_incoming",
            "seconds": 30.0,
            "incoming": _IMAP,
            "move_to": None,
        }
    },
    {"job": None},
)
