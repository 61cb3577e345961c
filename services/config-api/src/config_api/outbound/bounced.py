"""A delivery report that brings our tag back is noted with the delivery it is about. One without changes nothing.

The tag is authenticated (return_tag.py), so nobody but who got the message can speak of it. What the report says of
addresses that were no recipients of it is passed over.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config_api import bulk
from config_api.acting import Act
from config_api.bulk import Bulk
from config_api.outbound import recording, return_tag
from config_api.outbound.addressing import Recipient
from config_api.references import Report
from ece_common.contracts.evidence import Evidence
from ece_common.contracts.policies import Failure

_NEVER_SENT = ("failed", "cancelled")
_LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Bounced:
    """What a report says of one recipient of a delivery."""

    position: int
    address: str
    failure: Failure


async def link(act: Act, reports: Sequence[Report]) -> dict[int, int]:
    """The outgoing activity of each report whose tag is genuine; their deliveries tell of the bounce from now on."""
    tagged = {
        report: activity_id
        for report in reports
        if (tag := report.evidence.reported.return_tag if report.evidence.reported else None) is not None
        and (activity_id := return_tag.read(act.vault, tag)) is not None
    }
    if not tagged:
        return {}
    rows = await bulk.of(act.session)
    states = await recording.lock(rows, list(tagged.values()))
    for report, activity_id in tagged.items():
        if activity_id in states:
            found = concerned(states[activity_id].recipients, report.evidence)
            await _note(rows, activity_id, report.activity_id, found)
    return {report.activity_id: activity_id for report, activity_id in tagged.items() if activity_id in states}


def concerned(recipients: Sequence[Recipient], evidence: Evidence) -> list[Bounced]:
    """Pure. A report that names no recipient of ours, of a message that has just one, is about that one.

    A phrase alone proves nothing: the customer's answer may hold one, with our message attached.
    """
    if evidence.failure is None or evidence.source == "phrase":
        return []
    sent = [one for one in recipients if one.status not in _NEVER_SENT]
    told = _told(evidence)
    named = [
        Bounced(one.position, one.address, failure)
        for one in sent
        if (failure := told.get(_known_as(one.address))) is not None
    ]
    spoken_of = any(_known_as(one.address) in told for one in recipients)
    if named or spoken_of or len(recipients) != 1:
        return named
    return [Bounced(one.position, one.address, evidence.failure) for one in sent]


def _told(evidence: Evidence) -> Mapping[str, Failure | None]:
    """Each address under which a report may know a recipient, and what it says; the worse where it says both."""
    told: dict[str, Failure | None] = {}
    for one in evidence.recipients:
        for address in (one.address, one.original_address):
            if address and told.get(_known_as(address)) != "permanent":
                told[_known_as(address)] = one.failure or told.get(_known_as(address))
    return told


def _known_as(address: str) -> str:
    """Servers on the way change the case of local parts, too, and tell of domains as A-labels (RFC 5890)."""
    local, at, domain = address.rpartition("@")
    read = f"{local}{at}{'.'.join(_label(one) for one in domain.split('.'))}"
    return unicodedata.normalize("NFC", read).casefold()


def _label(label: str) -> str:
    if len(label) > _LONGEST_LABEL or label[:4].casefold() != "xn--":
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


async def _note(rows: Bulk, activity_id: int, report_id: int, found: Sequence[Bounced]) -> None:
    """The first report stays, unless it told of a delay and this one tells of the end."""
    noted = await rows.fetch(
        "UPDATE delivery_recipients AS r SET bounced_by = $2"
        " FROM unnest($3::int[], $4::bool[]) AS told (position, permanent)"
        " WHERE r.activity_id = $1 AND r.position = told.position AND (r.bounced_by IS NULL OR told.permanent"
        " AND EXISTS (SELECT FROM activities AS before"
        " WHERE before.id = r.bounced_by AND before.subtype = 'email_temporary_undeliverable'))"
        " RETURNING r.position",
        activity_id, report_id, [one.position for one in found], [one.failure == "permanent" for one in found],
    )  # fmt: skip
    positions = {row["position"] for row in noted}
    if positions:
        await _tell(rows, activity_id, report_id, [one for one in found if one.position in positions])


async def _tell(rows: Bulk, activity_id: int, report_id: int, noted: Sequence[Bounced]) -> None:
    (place,) = await rows.fetch("SELECT department_id, alias_id FROM activities WHERE id = $1", activity_id)
    told = {
        "activity_id": activity_id,
        "alias_id": place["alias_id"],
        "bounced_by": report_id,
        "recipients": [{"address": one.address, "failure": one.failure} for one in noted],
    }
    await rows.events([("delivery.bounced", f"activity/{activity_id}", place["department_id"], json.dumps(told))])
