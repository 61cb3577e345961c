"""Deletion of an alias (R110 to R118): guarded, and then only its name and address stay, for mail under way."""

from config_api import preconditions
from config_api.acting import Act
from config_api.aliases import default_alias, repository
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from config_api.references import refuse_if_referenced


async def delete(act: Act, alias_id: int, if_match: str | None) -> None:
    seen = await repository.get(act.session, alias_id)
    assert seen.department_id is not None
    department = await departments.get(act.session, seen.department_id, lock=True)
    row = await repository.get(act.session, alias_id, lock=True)
    preconditions.require(if_match, row.version)
    if row.default_alias:
        default_alias.refuse_deletion(department)
    await refuse_if_referenced(act.session, act.hooks.alias_guards, alias_id, f"alias {row.name!r}")
    for release in act.hooks.alias_cleaners:
        await release(act.session, alias_id)
    _forget(row)
    row.deleted_at = row.updated_at = act.now
    act.session.add(row)
    subject, told = f"alias/{alias_id}", {"name": row.name, "email_address": row.email_address}
    act.audit("alias.deleted", subject, told, department_id=row.department_id)
    act.event("alias.deleted", subject, told, department_id=row.department_id)
    await act.session.flush()
    for follow in act.hooks.alias_change_followers:
        await follow(act.session, alias_id)


def _forget(row: AliasRow) -> None:
    row.incoming_password = row.outgoing_password = row.account_id = None
    row.status, row.recoverable, row.next_attempt_at = "inactive", False, None
    row.version += 1
