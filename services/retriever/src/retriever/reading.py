"""Original bytes -> what is handed in for them, without keeping the event loop from its other mailboxes."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from ece_common.contracts.instances import RetrieverSettings
from retriever.large_body import bounded
from retriever.mailbox.port import RawMail
from retriever.parsing import ParsedMail, parse
from retriever.submission import Item, prepare

IN_A_THREAD = 256 * 1024
"""Bytes from which on a mail is parsed beside the event loop."""
_READ_AT_A_TIME = 16


async def read(mails: Sequence[RawMail], settings: RetrieverSettings, now: Callable[[], datetime]) -> list[Item]:
    items: list[Item] = []
    for count, mail in enumerate(mails, 1):
        if len(mail.content) > IN_A_THREAD:
            items.append(await asyncio.to_thread(_item, mail, settings, now()))
        else:
            items.append(_item(mail, settings, now()))
        if count % _READ_AT_A_TIME == 0:
            await asyncio.sleep(0)
    return items


def _item(raw: RawMail, settings: RetrieverSettings, now: datetime) -> Item:
    mail = parse(raw.content)
    if isinstance(mail, ParsedMail):
        mail = bounded(mail, settings.maximum_body_size, settings.message_note_for_large_body)
    return prepare(raw, mail, now)
