"""A department's policies in the form in which mail goes through them: compiled once a version, not once a mail."""

from collections.abc import Mapping
from dataclasses import dataclass

from ece_common.contracts.policies import DepartmentPolicies
from ece_common.policies.delivery_exceptions import Matcher


@dataclass(frozen=True, slots=True)
class AppliedPolicies:
    version: str | None
    """Goes with every mail they were applied to; None: the department has set none."""
    exceptions: Matcher


NO_POLICIES = AppliedPolicies(None, Matcher([]))


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
            compiled = known[1]
        else:
            compiled = AppliedPolicies(policies.version or None, Matcher(policies.delivery_exceptions))
        # The newest object is kept: comparing it with itself costs nothing.
        self._known[department_id] = (policies, compiled)
        return compiled
