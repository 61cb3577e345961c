"""A new alias: judged, sealed, stored, and put into a retriever instance when one is named."""

from typing import Any

from config_api.acting import Act
from config_api.aliases import default_alias, draft, judging, uniqueness
from config_api.aliases.draft import Draft, Secrets
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from config_api.departments.tables import DepartmentRow
from ece_common.contracts.aliases import AliasStatus, NewAlias


async def create(act: Act, department_id: int, new: NewAlias) -> int:
    department = await departments.get(act.session, department_id, lock=True)
    wanted, secrets = draft.of_new(new), draft.secrets_of(new)
    judging.refuse(judging.problems_of(wanted) + judging.password_problems(None, wanted, secrets, stored=frozenset()))
    row = AliasRow(department_id=department_id, **columns(wanted), **_sealed(act, secrets), **status(act, new.status))
    return await store(act, department, row, new.retriever_instance)


async def store(act: Act, department: DepartmentRow, row: AliasRow, retriever_instance: str | None) -> int:
    """What every new alias goes through. The caller holds the department's lock."""
    wanted = draft.of_row(row)
    assert row.department_id is not None
    if wanted.default_alias and row.status == "inactive":
        default_alias.refuse_inactive(department)
    await uniqueness.refuse_taken(act, row.department_id, wanted, None)
    if wanted.default_alias:
        await default_alias.take_flag(act, row.department_id)
    row.created_at = row.updated_at = act.now
    act.session.add(row)
    await uniqueness.flush(act.session)
    assert row.id is not None
    if retriever_instance is not None and act.hooks.alias_placement is not None:
        await act.hooks.alias_placement.place(act.session, row.id, retriever_instance)
    _tell(act, row, wanted, retriever_instance)
    for follow in act.hooks.alias_change_followers:
        await follow(act.session, row.id)
    return row.id


def columns(wanted: Draft) -> dict[str, Any]:
    """What is stored of a draft."""
    values = {name: getattr(wanted, name) for name in draft.COLUMNS}
    return {**values, "email_key": wanted.email_address.casefold()}


def _sealed(act: Act, secrets: Secrets) -> dict[str, bytes | None]:
    given = {"incoming_password": secrets.incoming, "outgoing_password": secrets.outgoing}
    return {name: act.vault.seal(secret) if secret is not None else None for name, secret in given.items()}


def status(act: Act, wanted: AliasStatus) -> dict[str, Any]:
    """The columns of a status that an administrator gives."""
    reason = None if wanted == "active" else "set_by_administrator"
    return {
        "status": wanted,
        "status_reason": reason,
        "status_changed_by": "administrator",
        "status_changed_at": act.now,
    }


def _tell(act: Act, row: AliasRow, wanted: Draft, retriever_instance: str | None) -> None:
    told = {draft.dotted(name): getattr(wanted, name) for name in draft.COLUMNS}
    told |= {
        f"{section}.password": "set" for section in ("incoming", "outgoing") if getattr(row, f"{section}_password")
    }
    if retriever_instance is not None:
        told["retriever_instance"] = retriever_instance
    if row.account_id is not None:
        told |= {"account_id": row.account_id, "shared_mailbox": row.shared_mailbox}
    subject = f"alias/{row.id}"
    act.audit("alias.created", subject, told, department_id=row.department_id)
    data = {"name": row.name, "email_address": row.email_address, "status": row.status}
    act.event("alias.created", subject, data, department_id=row.department_id)
