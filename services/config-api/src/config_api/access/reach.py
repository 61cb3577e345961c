"""How far an administrator's token reaches: its departments and the guide's actions. One table decides each call.

A token without `department_ids` is a partition administrator's. One with them sees these departments' resources; of
others it hears 404, as if there were none. What concerns the whole partition is refused, and so is every operation
that no table below opens: a new route is closed to such tokens until somebody decides about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.database import Sessions, run
from ece_common.contracts.access import PARTITION_ONLY, Action
from ece_common.errors import Forbidden, NotFound


@dataclass(frozen=True, slots=True)
class Reach:
    """None: everything."""

    department_ids: frozenset[int] | None = None
    actions: frozenset[str] | None = None

    @property
    def unlimited(self) -> bool:
        return self.department_ids is None and self.actions is None

    def covers(self, department_id: int | None) -> bool:
        """Whether what belongs to this department may be seen; null is the partition."""
        return self.department_ids is None or department_id in self.department_ids

    def allows(self, action: Action) -> bool:
        if action in PARTITION_ONLY and self.department_ids is not None:
            return False
        return self.actions is None or action in self.actions


_OWNERS: Mapping[str, str] = {
    "department_id": "SELECT CAST(:id AS bigint) AS department_id",
    "alias_id": "SELECT department_id FROM aliases WHERE id = :id",
    "account_id": "SELECT department_id FROM accounts WHERE id = :id",
    "exception_id": "SELECT department_id FROM delivery_exceptions WHERE id = :id",
    "extension_id": "SELECT department_id FROM blocked_file_extensions WHERE id = :id",
    "queue_id": "SELECT department_id FROM queues WHERE id = :id",
    "workflow_id": "SELECT department_id FROM workflows WHERE id = :id",
    "activity_id": "SELECT department_id FROM activities WHERE id = :id",
    "blocked_id": "SELECT a.department_id FROM blocked_attachments b JOIN activities a ON a.id = b.activity_id "
    "WHERE b.id = :id",
}
"""Whose is it, by the name of the path's parameter."""

_FILTERED = frozenset({"GET /activities", "GET /departments", "GET /events", "GET /audit-log"})
"""Lists that leave out what is not this token's."""

_FOR_ALL = frozenset(
    {
        "GET /masking-patterns",
        "GET /masking-patterns/{pattern_id}",
        "POST /masking-patterns/evaluate",
        "GET /oauth-applications",
        "GET /oauth-applications/{application_id}",
        "POST /oauth-applications/{application_id}/authorization-requests",
    }
)
"""The partition's, and used by each department: it masks by these patterns, and its accounts sign in by these
applications."""

_PARTITION = frozenset({"DELETE /departments/{department_id}"})

_IN_EXCEPTION_QUEUE = (
    "SELECT 1 FROM activities a JOIN queues q ON q.id = a.queue_id WHERE a.id = :id AND q.is_exception"
)
_SYSTEM_PROVIDED = "SELECT 1 FROM delivery_exceptions WHERE id = :id AND predefined IS NOT NULL"
_PICKS: tuple[Action, str] = ("pick_from_exception_queue", _IN_EXCEPTION_QUEUE)
ACTIONS_NEEDED: Mapping[str, tuple[Action, str | None]] = {
    "PATCH /masking-channel": ("manage_masking_patterns", None),
    "POST /masking-patterns": ("manage_masking_patterns", None),
    "POST /masking-patterns/import": ("manage_masking_patterns", None),
    "PATCH /masking-patterns/{pattern_id}": ("manage_masking_patterns", None),
    "DELETE /masking-patterns/{pattern_id}": ("manage_masking_patterns", None),
    "DELETE /delivery-exceptions/{exception_id}": ("delete_system_provided_delivery_exceptions", _SYSTEM_PROVIDED),
    "POST /blocked-attachments/{blocked_id}/restore": ("restore_blocked_attachment", None),
    "DELETE /blocked-attachments/{blocked_id}": ("delete_blocked_attachment", None),
    "PATCH /activities/{activity_id}": _PICKS,
    "POST /activities/{activity_id}/assign": _PICKS,
    "POST /activities/{activity_id}/replies": _PICKS,
    "POST /activities/{activity_id}/reprocess": _PICKS,
    "POST /activities/{activity_id}/transfer": _PICKS,
}
"""Which action an operation needs (R34, R233, R235, R246, R261): always, or when the query finds something."""

OPERATIONS = _FILTERED | _FOR_ALL | _PARTITION | ACTIONS_NEEDED.keys()
"""All that the tables name."""

_number: TypeAdapter[int] = TypeAdapter(int)


async def require(request: Request, reach: Reach) -> None:
    """Raise `Forbidden`, naming the action, or `NotFound`, as if the other departments were not there."""
    if reach.unlimited:
        return
    operation = f"{request.method} {_template(request)}"
    given = {name: found for name in _OWNERS if (found := _id(request.path_params.get(name))) is not None}
    sessions: Sessions = request.app.state.sessions
    async with sessions() as session:
        if reach.department_ids is not None and operation not in _FILTERED | _FOR_ALL:
            await _require_own(session, reach, operation, given)
        await _require_action(session, reach, operation, given)


def _template(request: Request) -> str:
    """The path below /v1 with the names of its parameters, as its route was declared."""
    declared: str = request.scope["route"].path
    return declared.removeprefix("/v1")


def _id(value: object) -> int | None:
    """As the route will read it: `+5`, `5.0` and `05` are 5 there, so they are 5 here. None: the route refuses it."""
    try:
        found = _number.validate_python(value)
    except ValidationError:
        return None
    return found if 0 < found < 2**63 else None


async def _require_own(session: AsyncSession, reach: Reach, operation: str, given: Mapping[str, int]) -> None:
    action = ACTIONS_NEEDED.get(operation, (None, None))[0]
    if action is not None and action in PARTITION_ONLY and not given:
        raise refused(action, reach)
    if not given or operation in _PARTITION:
        raise Forbidden("this concerns the whole partition, and this token is for some of its departments only")
    for name, identity in given.items():
        found = (await run(session, text(_OWNERS[name]), {"id": identity})).first()
        if found is None or not reach.covers(found[0]):
            what = name.removesuffix("_id").replace("_", " ")
            raise NotFound(f"there is no {what} {identity} in the departments that this token is for")


async def _require_action(session: AsyncSession, reach: Reach, operation: str, given: Mapping[str, int]) -> None:
    action, query = ACTIONS_NEEDED.get(operation, (None, None))
    if action is None or reach.allows(action):
        return
    identity = next(iter(given.values()), 0)
    if query is None or (await run(session, text(query), {"id": identity})).first() is not None:
        raise refused(action, reach)


def refused(action: Action, reach: Reach) -> Forbidden:
    why = (
        "is a partition administrator's, and this token is for some departments only"
        if action in PARTITION_ONLY and reach.department_ids is not None
        else "is not among the actions of this token"
    )
    return Forbidden(f"{action}: {why}", code="action_refused")
