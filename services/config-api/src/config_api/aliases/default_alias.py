"""The one default alias of a department (R63, R67, R68): how the flag moves, and what it forbids."""

from config_api.acting import Act
from config_api.aliases import repository
from config_api.departments.tables import DepartmentRow
from ece_common.contracts.base import Reference
from ece_common.errors import Conflict

CODE = "default_alias"


async def take_flag(act: Act, department_id: int) -> None:
    """Whoever has it loses it. The department's row is locked by the caller, so that two cannot take it at once."""
    loser = await repository.unset_default(act.session, department_id)
    if loser is not None:
        told = {"default_alias": [True, False]}
        act.audit("alias.changed", f"alias/{loser}", told, department_id=department_id)
        act.event("alias.changed", f"alias/{loser}", {"fields": ["default_alias"]}, department_id=department_id)


def refuse_inactive(department: DepartmentRow) -> None:
    raise Conflict(
        "the default alias must be an active one: make another alias the default first, or set this one active",
        code=CODE,
        references=_department(department),
    )


def refuse_deletion(department: DepartmentRow) -> None:
    raise Conflict(
        f"it is the default alias of department {department.name!r}; make another alias the default first",
        code=CODE,
        references=_department(department),
    )


def _department(row: DepartmentRow) -> list[Reference]:
    assert row.id is not None
    return [Reference(type="department", id=row.id, name=row.name)]
