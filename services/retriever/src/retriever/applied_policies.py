"""A department's policies in the form in which mail goes through them: compiled once a version, not once a mail."""

from collections.abc import Mapping
from dataclasses import dataclass

from ece_common.contracts.policies import BlockingPolicy, DepartmentPolicies
from ece_common.policies.blocking import AttachmentBlocking
from ece_common.policies.delivery_exceptions import Matcher
from ece_common.policies.masking import Masker
from retriever.blocked_files import forwarded_files

_NOTHING_BLOCKED = AttachmentBlocking(BlockingPolicy())


@dataclass(frozen=True, slots=True)
class AppliedPolicies:
    version: str | None
    """Goes with every mail they were applied to; None: the department has set none."""
    exceptions: Matcher
    blocking: AttachmentBlocking = _NOTHING_BLOCKED
    masker: Masker | None = None
    """None: incoming mail is not masked."""

    @property
    def laborious(self) -> bool:
        """Whether hostile mail could keep somebody busy."""
        return self.masker is not None or self.blocking.scans("inbound")


NO_POLICIES = AppliedPolicies(None, Matcher([]))


def compiled(policies: DepartmentPolicies) -> AppliedPolicies:
    masking = policies.masking
    return AppliedPolicies(
        policies.version or None,
        Matcher(policies.delivery_exceptions),
        AttachmentBlocking(policies.blocking, {"eml": forwarded_files}),
        Masker(masking.patterns) if masking.mask_incoming and masking.patterns else None,
    )


class Compilations:
    """What was compiled of the last assignment's policies."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[DepartmentPolicies, AppliedPolicies]] = {}

    def of(self, department_id: int, assigned: Mapping[int, DepartmentPolicies]) -> AppliedPolicies:
        policies = assigned.get(department_id)
        if policies is None:
            self._known.pop(department_id, None)
            return NO_POLICIES
        known = self._known.get(department_id)
        if known is not None and (known[0] is policies or known[0] == policies):
            applied = known[1]
        else:
            applied = compiled(policies)
        # The newest object is kept: comparing it with itself costs nothing.
        self._known[department_id] = (policies, applied)
        return applied
