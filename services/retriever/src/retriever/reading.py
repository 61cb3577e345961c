"""Original bytes -> what is handed in for them, without keeping the event loop from its other mailboxes."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from ece_common.contracts.instances import RetrieverSettings
from retriever.applied_policies import AppliedPolicies
from retriever.blocked_files import blocked
from retriever.large_body import bounded
from retriever.mailbox.port import RawMail
from retriever.masked_mail import masked
from retriever.parsing import ParsedMail, Unparsable, parse
from retriever.recognition import Recognised, recognise
from retriever.submission import Item, prepare

IN_A_THREAD = 256 * 1024
"""Bytes from which on a mail is parsed beside the event loop."""
_READ_AT_A_TIME = 16


async def read(
    mails: Sequence[RawMail], settings: RetrieverSettings, policies: AppliedPolicies, now: Callable[[], datetime]
) -> list[Item]:
    if policies.laborious:
        return await _beside(mails, settings, policies, now)
    items: list[Item] = []
    for count, mail in enumerate(mails, 1):
        if len(mail.content) > IN_A_THREAD:
            items.append(await asyncio.to_thread(item_of, mail, settings, policies, now()))
        else:
            items.append(item_of(mail, settings, policies, now()))
        if count % _READ_AT_A_TIME == 0:
            await asyncio.sleep(0)
    return items


async def _beside(
    mails: Sequence[RawMail], settings: RetrieverSettings, policies: AppliedPolicies, now: Callable[[], datetime]
) -> list[Item]:
    """Unpacking and masking may take seconds for a hostile mail of any size: never on the event loop."""

    def some(group: Sequence[RawMail], moment: datetime) -> list[Item]:
        return [item_of(mail, settings, policies, moment) for mail in group]

    items: list[Item] = []
    for first in range(0, len(mails), _READ_AT_A_TIME):
        items += await asyncio.to_thread(some, mails[first : first + _READ_AT_A_TIME], now())
    return items


def item_of(raw: RawMail, settings: RetrieverSettings, policies: AppliedPolicies, now: datetime) -> Item:
    mail = parse(raw.content)
    if not isinstance(mail, ParsedMail):
        masker = policies.masker  # what broke may be told in the mail's own words
        return prepare(raw, mail if masker is None else Unparsable(masker.mail().text(mail.reason, "reason")), now)
    found = _recognised(raw, mail, settings, policies)
    try:
        mail = blocked(mail, policies.blocking)
        if policies.masker is not None:
            mail, found = masked(mail, found, policies.masker)
    except Exception as problem:  # noqa: BLE001 - nothing that was not blocked and masked may pass for it
        structlog.get_logger().exception("mail.policies_not_applied", uid=raw.source.uid, uidl=raw.source.uidl)
        return prepare(raw, Unparsable(f"the policies could not be applied: {type(problem).__name__}"), now)
    mail = bounded(mail, settings.maximum_body_size, settings.message_note_for_large_body)
    return prepare(raw, mail, now, found=found, policies=policies)


def _recognised(raw: RawMail, mail: ParsedMail, settings: RetrieverSettings, policies: AppliedPolicies) -> Recognised:
    try:
        return recognise(mail, raw.content, policies.exceptions, settings.bounce_evidence)
    except Exception:  # noqa: BLE001 - hostile bytes: a report that nobody can read is judged by the phrases
        structlog.get_logger().exception("mail.report_unreadable", uid=raw.source.uid, uidl=raw.source.uidl)
        return recognise(mail, raw.content, policies.exceptions, "phrases_only")
