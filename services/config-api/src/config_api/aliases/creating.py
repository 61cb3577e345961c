"""A new alias: judged, sealed, stored, and put into a retriever instance when one is named."""

from typing import Any

from config_api.acting import Act
from config_api.aliases import default_alias, draft, judging, uniqueness
from config_api.aliases.draft import Draft, Secrets
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from ece_common.contracts.aliases import NewAlias


async def create(act: Act, department_id: int, new: NewAlias) -> int:
    department = await departments.get(act.session, department_id, lock=True)
    wanted, secrets = draft.of_new(new), draft.secrets_of(new)
    judging.refuse(judging.problems_of(wanted) + judging.password_problems(None, wanted, secrets, stored=frozenset()))
    if wanted.default_alias and new.status == "inactive":
        default_alias.refuse_inactive(department)
    await uniqueness.refuse_taken(act.session, department_id, wanted, None)
    if wanted.default_alias:
        await default_alias.take_flag(act, department_id)
    row = AliasRow(department_id=department_id, **columns(wanted), **_sealed(act, secrets), **_status(act, new))
    row.created_at = row.updated_at = act.now
    act.session.add(row)
    await uniqueness.flush(act.session)
    assert row.id is not None
    if new.retriever_instance is not None and act.hooks.alias_placement is not None:
        await act.hooks.alias_placement.place(act.session, row.id, new.retriever_instance)
    _tell(act, row, wanted)
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


def _status(act: Act, new: NewAlias) -> dict[str, Any]:
    reason = None if new.status == "active" else "set_by_administrator"
    return {
        "status": new.status,
        "status_reason": reason,
        "status_changed_by": "administrator",
        "status_changed_at": act.now,
    }


def _tell(act: Act, row: AliasRow, wanted: Draft) -> None:
    told = {draft.dotted(name): getattr(wanted, name) for name in draft.COLUMNS}
    told |= {
        f"{section}.password": "set" for section in ("incoming", "outgoing") if getattr(row, f"{section}_password")
    }
    subject = f"alias/{row.id}"
    act.audit("alias.created", subject, told, department_id=row.department_id)
    data = {"name": row.name, "email_address": row.email_address, "status": row.status}
    act.event("alias.created", subject, data, department_id=row.department_id)
