"""What is wrong with a value, in our words: what would be right, whoever checked it."""

from collections.abc import Mapping
from typing import Any

NAMED = r"^[A-Za-z0-9._\-]+$"
HOST = r"^[A-Za-z0-9._:\-\[\]]+$"
HELLO = r"^[A-Za-z0-9.\-\[\]:]+$"
SHA256 = r"^[0-9a-f]{64}$"
MEDIA_TYPE = r"^[A-Za-z0-9_!#$&^.+\-]+/[A-Za-z0-9_!#$&^.+\-]+$"
# https, or this machine: what goes there is an authorization code (R155).
WEB_SERVER = r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$))"
TENANT = r"^[A-Za-z0-9][A-Za-z0-9.\-]{0,252}$"
ISSUER = r"^https://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?$"
SCOPE = r"^[\x21\x23-\x5B\x5D-\x7E]{1,255}$"

PATTERNS: Mapping[str, str] = {
    NAMED: "must consist of letters a to z, digits, dots, hyphens and underscores",
    HOST: "must be a host name or an IP address, such as mail.example.com",
    HELLO: "must be a host name or an address in brackets, such as mail.example.com",
    SHA256: "must be a SHA-256 in hexadecimal: 64 of the characters 0 to 9 and a to f",
    MEDIA_TYPE: "must be a media type, such as application/pdf",
    WEB_SERVER: "must be an address that begins with https://, such as https://mail.example.com",
    TENANT: "must be a directory (tenant) id or a domain of it, such as contoso.onmicrosoft.com",
    ISSUER: "must be an address that begins with https:// and has no query, such as https://login.example.com",
    SCOPE: "must be one scope without spaces, quotation marks or backslashes, such as offline_access",
}
"""By pattern: a regular expression tells a program what would be right, and nobody else."""

_MOMENT = "must be a date and a time, as in 2030-01-31T09:00:00Z"
_DAY = "must be a date, as in 2030-01-31"
_OBJECT = "must be a JSON object: names and values in braces"
_WHOLE = "must be a whole number"
_TRUTH = "must be true or false"
_SENTENCES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a known field; remove it or correct its name",
    "string_type": "must be text",
    "string_unicode": "must be text in UTF-8",
    "bytes_type": "must be text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "must be a whole number of fewer digits",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number, not an infinite one",
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": "must be a date without a time, as in 2030-01-31",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "timezone_naive": "must say its time zone, as in 2030-01-31T09:00:00Z",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "union_tag_not_found": "must have the field {discriminator}",
    "union_tag_invalid": "{discriminator}: must be one of {expected_tags}",
}
_UNNAMED = "has a value that does not fit here"


def said_of(error: Mapping[str, Any]) -> str:
    """What would be right, of one entry of pydantic's `errors()`. A validator of ours has said it itself."""
    kind, context = str(error["type"]), _Context(error.get("ctx") or {})
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error") or _UNNAMED)
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(str(context.get("pattern")), "has characters that do not fit here")
    if kind in ("string_too_short", "string_too_long", "bytes_too_short", "bytes_too_long"):
        return _length(context, "character", "have")
    if kind in ("too_short", "too_long"):
        if context.get("field_type") == "Value":  # a secret text
            return _length(context, "character", "have")
        return _length(context, "entry", "hold")
    return _SENTENCES.get(kind, _UNNAMED).format_map(context)


class _Context(dict[str, Any]):
    """A sentence without its number is better than none."""

    def __missing__(self, name: str) -> str:
        return name.replace("_", " ")


def _length(context: Mapping[str, Any], what: str, verb: str) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    if least == 1:
        return "must not be empty"
    if least is not None:
        return f"must {verb} at least {_counted(int(least), what)}"
    return f"must {verb} at most {_counted(int(most or 0), what)}"


def _counted(number: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
