"""What a workflow gets to know about a mail that came in. Pure."""

from datetime import datetime

from config_api.routing.facts import Facts
from ece_common.contracts.inbound import InboundMessage


def facts(message: InboundMessage, alias: str, now: datetime) -> Facts:
    """Of the mail as it is stored, masked and without what was blocked. `alias` is the address it came to."""
    moment = message.received_at or now
    return Facts(
        from_=message.from_,
        from_name=message.from_name,
        to=message.to,
        cc=message.cc,
        reply_to=message.reply_to,
        subject=message.subject,
        text=message.text,
        html=message.html,
        subtype=message.subtype,
        alias=alias,
        headers=[(one["name"], one["value"]) for one in message.headers],
        attachments=[one.name for one in message.attachments],
        size=_size(message),
        received_at=moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo),
        auto_submitted=message.auto_submitted,
    )


def _size(message: InboundMessage) -> int:
    """Of the original; of one that is not kept, about as much."""
    if message.original is not None:
        return message.original.size
    bodies = len(message.text or "") + len(message.html or "")
    return bodies + sum(one.content.size if one.size is None else one.size for one in message.attachments)
