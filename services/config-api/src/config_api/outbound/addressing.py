"""Who gets a message: its recipients, what `send_mail_to` and `automatic_bcc` make of them (R56 to R62). Pure.

Decided at each claim from the alias's values of that moment, so that clearing `send_mail_to` restores normal delivery
for what still waits (R61). Nobody is sent to twice: who was sent to stays sent to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ece_common.contracts.activities import RecipientKind, RecipientStatus

CHOSEN: frozenset[RecipientKind] = frozenset({"to", "cc", "bcc"})
"""Kinds that the author named; the others come from the alias."""


@dataclass(frozen=True, slots=True)
class Recipient:
    position: int
    address: str
    kind: RecipientKind
    status: RecipientStatus = "queued"
    smtp_code: int | None = None
    enhanced_code: str | None = None
    smtp_reply: str | None = None


def key(address: str) -> str:
    """Equal for addresses of one mailbox: the domain has no case, the local part may (RFC 5321 section 2.4)."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.casefold()}"


def distinct(named: Iterable[tuple[RecipientKind, Sequence[str]]]) -> list[Recipient]:
    """One recipient for each address, of the first kind that names it."""
    found: dict[str, tuple[str, RecipientKind]] = {}
    for kind, addresses in named:
        for address in addresses:
            found.setdefault(key(address), (address, kind))
    return [Recipient(position, address, kind) for position, (address, kind) in enumerate(found.values())]


def address(
    recipients: Sequence[Recipient], *, send_mail_to: str | None, automatic_bcc: str | None
) -> list[Recipient]:
    """All recipients as they stand for this attempt; those to send to now are `queued`.

    `cancelled` in a delivery that can be claimed only ever means: silenced here.
    """
    if send_mail_to is not None:
        silenced = [_silenced(one) if one.kind != "send_mail_to" else one for one in recipients]
        return _with(silenced, "send_mail_to", send_mail_to)
    restored = [_restored(one) if one.kind in CHOSEN else one for one in recipients]
    without_override = [_silenced(one) if one.kind == "send_mail_to" else one for one in restored]
    named = {key(one.address) for one in restored if one.kind in CHOSEN}
    wanted = automatic_bcc if automatic_bcc is not None and key(automatic_bcc) not in named else None
    return _with(without_override, "automatic_bcc", wanted)


def pending(recipients: Iterable[Recipient]) -> list[Recipient]:
    return [one for one in recipients if one.status == "queued"]


def _silenced(one: Recipient) -> Recipient:
    return replace(one, status="cancelled") if one.status == "queued" else one


def _restored(one: Recipient) -> Recipient:
    return replace(one, status="queued") if one.status == "cancelled" else one


def _with(recipients: list[Recipient], kind: RecipientKind, wanted: str | None) -> list[Recipient]:
    """The one recipient of this kind: an earlier value that was not sent to yet gives way, one that was stays."""
    if any(one.kind == kind and one.status == "sent" for one in recipients):
        return [_silenced(one) if one.kind == kind else one for one in recipients]
    same = None if wanted is None else key(wanted)
    kept = [
        one if one.kind != kind else _restored(one) if key(one.address) == same else _silenced(one)
        for one in recipients
    ]
    if wanted is None or any(one.kind == kind and key(one.address) == same for one in recipients):
        return kept
    position = max((one.position for one in recipients), default=-1) + 1
    return [*kept, Recipient(position, wanted, kind)]
