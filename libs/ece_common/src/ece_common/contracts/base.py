"""The building blocks of every contract: strict models, safe text, addresses, pages."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, ConfigDict, Field, GetJsonSchemaHandler, SecretStr, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ece_common.contracts.described import Described, Exact
from ece_common.contracts.mistakes import HOST
from ece_common.contracts.words import COMMON, REFERENCE

Item = TypeVar("Item")

# RFC 5321 section 4.5.3.1: local part 64, domain 255, with the at sign and brackets 256 in a path.
ADDRESS_LIMIT = 254

# A private mail system may use any domain, support@localhost too; the library documents this list as ours to change.
SPECIAL_USE_DOMAIN_NAMES.clear()


_EARLIEST, _LATEST = 1970, 9998


class Strict(Exact, words=COMMON):
    """A body a caller sends: unknown fields and wrong types are refused, by name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Sent(Described, words=COMMON):
    """A body a service answers: readers ignore what they do not know, so that fields can be added."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


def _in_utc(value: datetime) -> datetime:
    # Postgres takes the first and the last moment of Python's calendar for infinite ones.
    try:
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if not _EARLIEST <= moment.year <= _LATEST:
        raise ValueError(f"must lie between the years {_EARLIEST} and {_LATEST}")
    return moment


def _no_control_characters(value: str) -> str:
    # RFC 5322 section 2.2: a header field body is one line; this is what makes header injection impossible.
    for character in value:
        if ord(character) < 32 or ord(character) == 127 or character in "\x85\u2028\u2029":
            raise ValueError(f"must be one line of text without control characters; found U+{ord(character):04X}")
    return storable(value)


def storable(value: str) -> str:
    # Postgres cannot hold NUL in text, and no mail body needs it; UTF-8 cannot hold half of a surrogate pair.
    if "\x00" in value:
        raise ValueError("must not contain the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError as problem:
        raise ValueError(f"must not contain half of a surrogate pair; found one at {problem.start}") from None
    return value


def _sendable(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if any(character in value for character in "\r\n\x00"):
        # RFC 3501 section 9 (quoted), RFC 4616 section 2: no login could carry it, and a line break ends a command.
        raise ValueError("must not contain line breaks or the character U+0000")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain half of a surrogate pair") from None
    return secret


def _address(value: str) -> str:
    """An addr-spec (RFC 5322 section 3.4.1, RFC 6531), as it will stand in headers and the envelope."""
    value = _no_control_characters(value).strip()
    if "@" not in value:
        raise ValueError("must be an e-mail address with a domain, such as support@example.com")
    try:
        checked = validate_email(value, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError as problem:
        raise ValueError(f"must be an e-mail address such as support@example.com: {problem}") from None
    return checked.normalized


def _trimmed(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value().strip()
    if not value:
        raise ValueError("must not be empty")
    return SecretStr(value)


Line = Annotated[str, StringConstraints(max_length=255), AfterValidator(_no_control_characters)]
"""At most 255 characters on one line."""

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_no_control_characters),
]
"""What an administrator calls a thing: 1 to 255 characters on one line."""

Note = Annotated[str, StringConstraints(max_length=2000), AfterValidator(storable)]
"""A description: at most 2,000 characters."""

SubjectLine = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_no_control_characters)]

Body = Annotated[str, AfterValidator(storable)]

Address = Annotated[str, StringConstraints(max_length=ADDRESS_LIMIT), AfterValidator(_address)]
"""One e-mail address: an addr-spec of at most 254 characters, without a display name."""

Host = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=253, pattern=HOST),
]
"""A host name or an IP address (R23, R26)."""

Secret = Annotated[SecretStr, Field(min_length=1, max_length=1024), AfterValidator(_sendable)]
"""A password, written only."""

Pasted = Annotated[
    SecretStr, Field(min_length=1, max_length=8192), AfterValidator(_trimmed), AfterValidator(_sendable)
]
"""A secret copied from a page, with the spaces and line breaks that came along."""

Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""Without a time zone it is taken for UTC."""

Port = Annotated[int, Field(ge=1, le=65535)]

Id = Annotated[int, Field(ge=1, lt=2**63)]
"""What the database can count to."""

Epoch = Annotated[int, Field(ge=0, lt=2**63)]
"""Grows with every hand-over of an alias."""


class Page(Sent, Generic[Item]):
    """One page of a list. `next_cursor` goes into `?cursor=` for the next one; null at the end."""

    items: list[Item]
    next_cursor: str | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core, handler)
        for item in cls.__pydantic_generic_metadata__["args"]:
            shown = item.model_config.get("json_schema_extra", {}).get("examples", [])
            handler.resolve_ref_schema(schema)["examples"] = [{"items": shown[:1], "next_cursor": None}]
        return schema


class Reference(Sent, words=REFERENCE):
    """Something that still refers to a resource and so keeps it from being deleted."""

    type: str
    id: int
    name: str


SERVER_PORTS: dict[tuple[str, bool], int] = {
    ("POP3", False): 110,
    ("POP3", True): 995,
    ("IMAP", False): 143,
    ("IMAP", True): 993,
    ("SMTP", False): 25,
    ("SMTP", True): 587,
    ("ESMTP", False): 25,
    ("ESMTP", True): 587,
}
"""The port a server type and the SSL choice stand for (R84 to R87, R101 to R104)."""

ServiceKind = Literal["retriever", "dispatcher"]
