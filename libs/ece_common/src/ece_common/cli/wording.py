"""The service speaks of its operations; on a command line the same is said with commands. Pure."""

import re
from collections.abc import Sequence

from ece_common.contracts.base import Reference

_COMMANDS = (
    (r"PATCH the alias", "`ece aliases set`"),
    (r"/delivery/retry or /delivery/cancel", "`ece activities retry` or `ece activities cancel`"),
    (r"restore it under /blocked-attachments", "restore it with `ece quarantine restore`"),
    (r"GET /v1/(?:retriever|dispatcher)-instances", "`ece instances list`"),
    (r"`departments_may_override` of /masking-channel", "`ece masking-channel set departments_may_override=...`"),
    (r"take it out of their `pattern_ids` first", "take it out with `ece masking-channel set pattern_ids=...` first"),
    (r"the activity's own$", "the activity's own; `ece queues list` shows them"),
)
_NOUNS = {
    "oauth_application": "OAuth application",
    "masking_channel": "masking channel",
    "masking_pattern": "masking pattern",
    "retriever_instance": "retriever instance",
    "dispatcher_instance": "dispatcher instance",
}
# Codes of refusals that name another thing which has what was wanted, and does not use this one.
_TAKEN = re.compile(r"_taken$|^alias_in_other_instance$")
_CHANNEL = "masking_channel"


def spoken(text: str, kinds: Sequence[str] = ()) -> str:
    """`text` with commands for operations, and with words for the kinds of what it refers to."""
    for pattern, command in _COMMANDS:
        text = re.sub(pattern, lambda _found, words=command: words, text)
    for kind in sorted(set(kinds)):
        text = re.sub(rf"\b{re.escape(kind)}\b", noun(kind), text)
    return text


def noun(kind: str) -> str:
    return _NOUNS.get(kind, kind.replace("_", " "))


def referring(reference: Reference, code: str) -> str:
    """`still used by alias 3: Support`; where a name or address is taken, `see alias 3: Support`."""
    return f"{'see' if _TAKEN.search(code) else 'still used by'} {_named(reference)}"


def _named(reference: Reference) -> str:
    if reference.type == _CHANNEL:
        if not reference.id:
            return "the masking channel of the partition (`ece masking-channel show`)"
        return (
            f"the masking channel of department {reference.id}, {reference.name} "
            f"(`ece masking-channel show --department {reference.id}`)"
        )
    named = f"{noun(reference.type)} {reference.id or ''}".rstrip()
    return named if reference.name in {"", str(reference.id)} else f"{named}: {reference.name}"
