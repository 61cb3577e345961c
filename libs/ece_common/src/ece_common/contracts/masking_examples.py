"""Bodies of data masking, as the docs page shows them."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_AT = "2026-03-02T09:30:00Z"
_NEW: dict[str, JsonValue] = {
    "name": "Card numbers",
    "description": "Payment cards of 13 to 19 digits",
    "active": True,
    "masking_character": "*",
    "java_regular_expression": "\\b(?:\\d[ -]?){12,18}\\d\\b",
    "javascript_regular_expression": "\\b(?:\\d[ -]?){12,18}\\d\\b",
    "unmask_from_left": 0,
    "unmask_from_right": 4,
    "apply_luhn": True,
}
NEW_PATTERN = shown(_NEW)
PATTERN_CHANGE = shown({"unmask_from_right": 2})
PATTERN = shown({"id": 1, **_NEW, "linear": True, "created_at": _AT, "updated_at": _AT})
CHANNEL_CHANGE = shown({"mask_incoming": True, "mask_outgoing": True, "pattern_ids": [1]})
CHANNEL = shown(
    {
        "mask_incoming": True,
        "mask_outgoing": True,
        "pattern_ids": [1],
        "departments_may_override": False,
        "updated_at": _AT,
    }
)
DEPARTMENT_CHANNEL_CHANGE = shown({"own": True, "mask_incoming": True, "pattern_ids": [1]})
DEPARTMENT_CHANNEL = shown({"own": True, "mask_incoming": True, "mask_outgoing": False, "pattern_ids": [1]})
TRIAL = shown({"text": "My card is 4111 1111 1111 1111.", "subject": "Payment", "pattern": _NEW})
VERDICT = shown(
    {
        "text": "My card is ***************1111.",
        "subject": "Payment",
        "matches": [{"pattern": "Card numbers", "start": 11, "end": 30}],
        "hidden": [],
    }
)
IMPORTED = shown({"created": ["Card numbers"], "overwritten": []})
