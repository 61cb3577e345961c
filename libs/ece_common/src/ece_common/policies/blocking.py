"""Which attachments of a mail are kept from a department (R14, R15, R207 to R230). Pure.

Four modes and no other (R217 to R221): all or listed ones, of incoming mail or of both directions. The order of
precedence: block_all_attachments, the partition's blocked types, its allowed types, the department's list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ece_common.contracts.policies import BlockedAction, BlockingPolicy
from ece_common.policies.archives import Opener
from ece_common.policies.attachment_contents import File, Inspection, Path, Seen, Unseen
from ece_common.policies.attachment_names import extensions, normalized, shortened
from ece_common.policies.bounds import Bounds

Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one attachment; `extension`, `path` and `reason` say why it is blocked."""

    blocked: bool
    extension: str | None = None
    path: str = ""
    """From the attachment inwards: `winmail.dat > a.zip > invoice.pdf.exe`."""
    reason: str = ""


_PASSES = Verdict(blocked=False)


class AttachmentBlocking:
    """Built once for a state of the policies, then asked for every mail."""

    def __init__(self, policy: BlockingPolicy, openers: Mapping[str, Opener] | None = None) -> None:
        self.action: BlockedAction = policy.action_on_blocked_attachments
        self._policy = policy
        self._openers = openers
        self._partition = _set(policy.attachments_blocked)
        self._allowed = _set(policy.attachments_allowed)
        self._department = _set(policy.blocked_file_extensions) - self._allowed

    def scans(self, direction: Direction) -> bool:
        """Whether any attachment of such a mail could be blocked."""
        if direction == "outbound" and self._policy.email_for_scan == "inbound_emails_only":
            return False
        return self._policy.block_all_attachments or bool(self._partition or self._department)

    def judge(
        self, files: Sequence[File], direction: Direction = "inbound", bounds: Bounds | None = None
    ) -> list[Verdict]:
        """One verdict a file. The bounds are those of the whole mail."""
        if not self.scans(direction):
            return [_PASSES] * len(files)
        if self._policy.block_all_attachments:
            return [Verdict(blocked=True, path=_shown(file.names[:1]), reason="all are blocked") for file in files]
        inspection = Inspection(bounds, self._openers)
        return [self._first(inspection.look(file)) for file in files]

    def _first(self, sights: Iterable[Seen | Unseen]) -> Verdict:
        """The first sight that blocks; what could not be looked into counts only when nothing else does."""
        unseen: Unseen | None = None
        for sight in sights:
            if isinstance(sight, Seen):
                listed = self._listed(sight)
                if listed is not None:
                    return Verdict(
                        blocked=True,
                        extension=sight.extension,
                        path=_shown(sight.path),
                        reason=f"{sight.why}; .{sight.extension} is blocked for the {listed}",
                    )
            elif not sight.sealed or self._policy.encrypted_archives == "block":
                unseen = unseen or sight
        if unseen is None:
            return _PASSES
        return Verdict(blocked=True, path=_shown(unseen.path), reason=f"{unseen.why}, so it was not looked into")

    def _listed(self, sight: Seen) -> str | None:
        if sight.extension in self._partition:
            return "partition"
        if sight.extension not in self._department:
            return None
        # Where the partition allows .tar.gz, a department's .gz does not block it.
        longer = self._allowed.intersection(extensions(sight.path[-1]))
        return None if any(one.endswith(f".{sight.extension}") for one in longer) else "department"


def _set(extensions: Iterable[str]) -> frozenset[str]:
    return frozenset(filter(None, map(normalized, extensions)))


def _shown(path: "Path | Sequence[str]") -> str:
    """Names in an archive are anybody's bytes: what cannot be printed is shown as an underscore."""
    joined = " > ".join(path)
    return shortened(joined if joined.isprintable() else "".join(c if c.isprintable() else "_" for c in joined))
