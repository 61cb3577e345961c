"""Bodies of the policies, as the docs page shows them."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT = "2026-03-02T09:30:00Z"

NEW_DELIVERY_EXCEPTION = shown(
    {
        "name": "Mailbox of the courier",
        "description": "Their system answers every mail",
        "type": "address",
        "phrase": "parcel-robot",
        "failure": "temporary",
    }
)
DELIVERY_EXCEPTION_CHANGE = shown({"failure": "permanent"})
DELIVERY_EXCEPTION = shown(
    {
        "id": 128,
        "department_id": 1,
        "name": "Mailbox of the courier",
        "description": "Their system answers every mail",
        "type": "address",
        "phrase": "parcel-robot",
        "failure": "temporary",
        "system_provided": False,
        "created_at": _AT,
        "updated_at": _AT,
    }
)
_MATCH: dict[str, JsonValue] = {
    "id": 128,
    "type": "address",
    "phrase": "parcel-robot",
    "failure": "temporary",
    "found_in": "from",
}
BOUNCE_TRIAL = shown({"from": "parcel-robot@courier.example", "subject": "Your message to us"})
BOUNCE_VERDICT = shown({"subtype": "email_temporary_undeliverable", "match": _MATCH})

NEW_BLOCKED_EXTENSION = shown({"name": "Programs", "blocked_file_extension": ".exe"})
BLOCKED_EXTENSION_CHANGE = shown({"description": "Nobody needs to send us programs"})
BLOCKED_EXTENSION = shown(
    {
        "id": 1,
        "department_id": 1,
        "name": "Programs",
        "description": "Nobody needs to send us programs",
        "blocked_file_extension": ".exe",
        "created_at": _AT,
        "updated_at": _AT,
    }
)
BLOCKED_ATTACHMENT = shown(
    {
        "id": 1,
        "department_id": 1,
        "activity_id": 17,
        "n": 1,
        "direction": "inbound",
        "name": "winmail.dat",
        "content_type": "application/ms-tnef",
        "size": 48_213,
        "extension": "exe",
        "path": "winmail.dat > a.zip > invoice.pdf.exe",
        "reason": "its name ends so; .exe is blocked for the department",
        "blocked_at": _AT,
    }
)
