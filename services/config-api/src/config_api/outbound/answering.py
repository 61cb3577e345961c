"""How an answer follows from what it answers: From, To, Subject, thread; whether a machine may answer. Pure."""

import re
import secrets
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from config_api.activities.tables import ActivityRow
from config_api.aliases.tables import AliasRow
from config_api.outbound.addressing import key
from ece_common.contracts.base import Address

REFERENCES_KEPT = 20
_SUBJECT_LIMIT = 900
_MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]{1,500}>\Z")
_ANSWERED = re.compile(r"\s*(?:re|aw|sv|antw)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_NOT_ON_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_address: TypeAdapter[str] = TypeAdapter(Address)


def sender(alias: AliasRow, parent: ActivityRow) -> str:
    """The redirection address by which the mail came in, else the alias's own (R71)."""
    if parent.direction == "outbound" and parent.from_ is not None:
        return parent.from_
    redirections = {one.casefold(): one for one in alias.redirection_email_addresses}
    reached = (*parent.delivered_to, *parent.to, *parent.cc)
    return next(
        (redirections[one.casefold()] for one in reached if one.casefold() in redirections), alias.email_address
    )


def allowed_senders(alias: AliasRow) -> list[str]:
    """The addresses an agent may choose as From (R72)."""
    return [alias.email_address, *alias.redirection_email_addresses]


def recipients(parent: ActivityRow) -> list[str]:
    """Reply-To, else From; of a mail of our own whoever it went to. What is no address cannot be answered."""
    if parent.direction == "outbound":
        return parent.to
    named = parent.reply_to or ([parent.from_] if parent.from_ else [])
    return list({key(one): one for raw in named if (one := _valid(raw)) is not None}.values())


def _valid(raw: str) -> str | None:
    try:
        return _address.validate_python(raw)
    except ValidationError:
        return None


def subject(before: str) -> str:
    """`Re: ` once, whatever the language of whoever put it there first."""
    line = _NOT_ON_ONE_LINE.sub(" ", before).strip()[:_SUBJECT_LIMIT]
    return line if _ANSWERED.match(line) else f"Re: {line}".rstrip()


def references(parent: ActivityRow) -> list[str]:
    """RFC 5322 section 3.6.4, bounded: the first message of the thread and the newest ones."""
    chain = [*parent.references, *([parent.message_id] if parent.message_id else [])]
    written = list(dict.fromkeys(one for raw in chain if (one := identifier(raw)) is not None))
    return written if len(written) <= REFERENCES_KEPT else [written[0], *written[1 - REFERENCES_KEPT :]]


def identifier(raw: str | None) -> str | None:
    """A Message-ID that can be written in a header; strangers' need not be one."""
    if raw is None:
        return None
    bracketed = raw if raw.startswith("<") else f"<{raw}>"
    return bracketed if _MESSAGE_ID.match(bracketed) else None


def new_message_id(from_address: str) -> str:
    """Made once for each message, so that every attempt carries the same."""
    domain = from_address.rpartition("@")[2]
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = "mail.invalid"
    return f"<{secrets.token_hex(16)}@{ascii_domain}>"


def refused_to_machines(parent: ActivityRow) -> str | None:
    """Why no automatic answer may go out (RFC 3834 section 2), or None."""
    if parent.direction == "outbound":
        return "it is our own message"
    if parent.subtype != "email":
        return f"it is of subtype {parent.subtype}"
    if parent.auto_submitted is not None and parent.auto_submitted.strip().casefold() != "no":
        return "it was sent automatically itself"
    return None if recipients(parent) else "it names nobody to answer"


def among(wanted: str, allowed: Sequence[str]) -> str | None:
    """The allowed address that `wanted` is, as it is configured."""
    return next((one for one in allowed if one.casefold() == wanted.casefold()), None)
