"""What is handed in for a mail: the contract's message, and its bytes laid one behind the other. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from ece_common.contracts.inbound import InboundAttachment, InboundMessage, LargeMail, Slice, Source
from ece_common.contracts.settings import LargeEmailAction
from retriever.applied_policies import NO_POLICIES, AppliedPolicies
from retriever.mailbox.port import Listed, RawMail
from retriever.masked_mail import masked
from retriever.parsing import ParsedMail, Unparsable, parse
from retriever.recognition import Recognised

_MAXIMUM_REASON = 2000


@dataclass(frozen=True, slots=True)
class Item:
    """One mail, ready. Slices in `message` count from 0; `assemble` moves them to their place in the batch."""

    message: InboundMessage = field(repr=False)
    contents: tuple[bytes, ...] = field(repr=False)
    original: bytes = field(repr=False, default=b"")
    """Also when it is not handed in: should the mail be refused, it is all there is."""

    @property
    def source(self) -> Source:
        return self.message.source

    @property
    def unparsed(self) -> bool:
        return self.message.subtype == "unparsed"

    @property
    def size(self) -> int:
        return sum(map(len, self.contents))


def prepare(
    raw: RawMail,
    mail: ParsedMail | Unparsable,
    now: datetime,
    *,
    found: Recognised | None = None,
    policies: AppliedPolicies = NO_POLICIES,
) -> Item:
    """Whatever cannot be written as the contract wants it is handed in as `unparsed`, with its original.

    The original of a mail in which something was masked or blocked would show it, so it is not handed in.
    """
    if isinstance(mail, Unparsable):
        return unparsed(raw, mail.reason, now)
    try:
        message = _message(raw, mail, now, found or Recognised(mail.subtype, None))
        message.policy_version = policies.version
        contents = [file.content for file in mail.attachments]
        if policies.masker is None and all(file.state == "available" for file in mail.attachments):
            return Item(message, (raw.content, *contents), raw.content)
        message.original = None
        return Item(_moved(message, -len(raw.content)), tuple(contents), raw.content)
    except ValidationError as problem:
        first = problem.errors(include_input=False, include_url=False)[0]
        return unparsed(raw, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", now)


def unparsed(raw: RawMail, reason: str, now: datetime) -> Item:
    message = InboundMessage(
        source=raw.source,
        content_sha256=hashlib.sha256(raw.content).hexdigest(),
        original=Slice(offset=0, size=len(raw.content)),
        subtype="unparsed",
        unparsed_reason=reason.replace("\0", "")[:_MAXIMUM_REASON],
        received_at=raw.received_at or now,
    )
    return Item(message, (raw.content,), raw.content)


def reduced(item: Item, reason: str) -> Item:
    """The refused mail with nothing left of it but its original and the reason."""
    message = item.message
    return replace(
        item,
        message=InboundMessage(
            source=message.source,
            content_sha256=message.content_sha256,
            original=Slice(offset=0, size=len(item.original)),
            subtype="unparsed",
            unparsed_reason=reason.replace("\0", "")[:_MAXIMUM_REASON],
            received_at=message.received_at,
        ),
        contents=(item.original,),
    )


def assemble(items: Sequence[Item]) -> tuple[list[InboundMessage], list[bytes]]:
    """The messages with their slices where the joined contents will have them, and those contents."""
    messages: list[InboundMessage] = []
    contents: list[bytes] = []
    base = 0
    for item in items:
        messages.append(_moved(item.message, base))
        contents.extend(item.contents)
        base += item.size
    return messages, contents


def large_mail(
    listed: Listed, headers: bytes, action: LargeEmailAction, policies: AppliedPolicies = NO_POLICIES
) -> LargeMail:
    seen = parse(headers)
    if isinstance(seen, Unparsable):
        return LargeMail(source=listed.source, size=listed.size, action=action)
    if policies.masker is not None:
        seen, _ = masked(seen, Recognised(seen.subtype, None), policies.masker)
    return LargeMail.model_validate(
        {
            "source": listed.source,
            "size": listed.size,
            "action": action,
            "from": seen.from_,
            "subject": seen.subject,
            "message_id": seen.message_id,
        }
    )


def _moved(message: InboundMessage, base: int) -> InboundMessage:
    if base == 0:
        return message
    original = message.original
    return message.model_copy(
        update={
            "original": _shifted(original, base) if original is not None else None,
            "attachments": [
                file.model_copy(update={"content": _shifted(file.content, base)}) for file in message.attachments
            ],
        }
    )


def _shifted(piece: Slice, base: int) -> Slice:
    return Slice(offset=base + piece.offset, size=piece.size)


def _message(raw: RawMail, mail: ParsedMail, now: datetime, found: Recognised) -> InboundMessage:
    return InboundMessage.model_validate(
        {
            "source": raw.source,
            "content_sha256": hashlib.sha256(raw.content).hexdigest(),
            "original": Slice(offset=0, size=len(raw.content)),
            "subtype": found.subtype,
            "evidence": found.evidence,
            "auto_submitted": mail.auto_submitted,
            "from": mail.from_,
            "from_name": mail.from_name,
            "to": mail.to,
            "cc": mail.cc,
            "reply_to": mail.reply_to,
            "delivered_to": mail.delivered_to,
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "headers": [{"name": name, "value": value} for name, value in mail.headers],
            "message_id": mail.message_id,
            "in_reply_to": mail.in_reply_to,
            "references": mail.references,
            # The Date header is whatever the sender wrote; the server's own date is when the mail came.
            "received_at": raw.received_at or now,
            "attachments": _attachments(mail, len(raw.content)),
        }
    )


def _attachments(mail: ParsedMail, offset: int) -> list[InboundAttachment]:
    described: list[InboundAttachment] = []
    for file in mail.attachments:
        described.append(
            InboundAttachment(
                name=file.name,
                content_type=file.content_type,
                content=Slice(offset=offset, size=len(file.content)),
                size=file.size,
                state=file.state,
                blocked=file.blocked,
                inline=file.inline,
                content_id=file.content_id,
            )
        )
        offset += len(file.content)
    return described
