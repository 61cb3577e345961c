"""What retrievers and dispatchers say to the Config API, as the docs page shows it; goes on from `examples`."""

import hashlib

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT = "2026-03-02T09:30:00Z"
STATUS_REPORT = shown(
    {"epoch": 4, "attempt_id": "9f0c1d7e-0001", "from": "active", "outcome": "connected"},
    {
        "epoch": 4,
        "attempt_id": "9f0c1d7e-0002",
        "from": "active",
        "outcome": "failed",
        "condition": "manual",
        "reason": "authentication_failed",
        "detail": "NO [AUTHENTICATIONFAILED] invalid credentials",
    },
)

HEARTBEAT = shown(
    {"incarnation": "5d0c4b1e8f27", "holding": [{"alias_id": 7, "epoch": 4}], "counters": {"stored": 120}}
)

_SOURCE: dict[str, JsonValue] = {"folder": "inbox", "uidvalidity": 1700000000, "uid": 42, "fingerprint": "2048"}
KNOWN_QUERY = shown({"alias_id": 7, "epoch": 4, "mailbox_generation": 1, "sources": [_SOURCE]})
ORIGINAL = "From: anna@customer.example\r\nTo: support@example.com\r\nSubject: My order\r\n\r\nWhere is it?\r\n"
"""The part `contents` that goes with `BATCH`."""
BATCH: dict[str, JsonValue] = {
    "alias_id": 7,
    "epoch": 4,
    "mailbox_generation": 1,
    "messages": [
        {
            "source": _SOURCE,
            "content_sha256": hashlib.sha256(ORIGINAL.encode()).hexdigest(),
            "original": {"offset": 0, "size": len(ORIGINAL)},
            "from": "anna@customer.example",
            "to": ["support@example.com"],
            "subject": "My order",
            "text": "Where is it?\r\n",
            "headers": [{"name": "Subject", "value": "My order"}],
            "received_at": _AT,
        }
    ],
}
INBOUND_BATCH = shown(BATCH)
INBOUND_ANSWER = shown({"results": [{"index": 0, "outcome": "stored", "activity_id": 31, "reason": None}]})

CLAIM_REQUEST = shown({"instance": "default", "replica": "dispatcher-0", "limit": 50, "wait": 30})
OUTCOME_BATCH = shown(
    {
        "instance": "default",
        "replica": "dispatcher-0",
        "outcomes": [
            {
                "activity_id": 32,
                "claim_id": "1c9e3f60-8f0c-4c7a-9d52-6b1f0a2e4d11",
                "outcome": "judged",
                "recipients": [
                    {"position": 0, "status": "sent", "smtp_code": 250, "smtp_reply": "2.0.0 Ok: queued as 4711"}
                ],
            }
        ],
    }
)

ACCESS_TOKEN_REQUEST = shown(
    {
        "kind": "retriever",
        "instance": "default",
        "replica": "retriever-0",
        "refused": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }
)
