"""Bodies of workflows, as the docs page shows them."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT = "2026-03-02T09:30:00Z"
_ACKNOWLEDGE: dict[str, JsonValue] = {
    "subject": "Re: {subject}",
    "text": "Thank you. Your request has the number {activity_id}; we answer within four hours.",
    "at_most_per_day": 3,
}
_NEW: dict[str, JsonValue] = {
    "name": "Service mail",
    "description": "What comes to support@",
    "active": True,
    "on_exception_queue": False,
    "alias_ids": [1],
    "rules": [
        {
            "name": "Returns",
            "when": "subject.lower().contains('return') || text.matches('(?i)send (it|them) back')",
            "actions": {
                "queue_id": 3,
                "priority": 2,
                "service_level_minutes": 240,
                "auto_acknowledge": _ACKNOWLEDGE,
                "tags": ["returns"],
                "stop": True,
            },
        }
    ],
}
NEW_WORKFLOW = shown(_NEW)
WORKFLOW_CHANGE = shown({"active": False})
WORKFLOW = shown({"id": 5, "department_id": 1, **_NEW, "created_at": _AT, "updated_at": _AT})
WORKFLOW_TRIAL = shown({"mail": {"from": "ada@customer.example", "subject": "Return of my order"}})
TRIED_WORKFLOW = shown(
    {
        "matched": ["Returns"],
        "takes": True,
        "queue_id": 3,
        "priority": 2,
        "due_at": "2026-03-02T13:30:00Z",
        "tags": ["returns"],
        "auto_acknowledge": _ACKNOWLEDGE,
        "routing_error": None,
    }
)
