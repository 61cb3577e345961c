"""A merge patch to an alias: judged as a whole, written under the row's lock."""

from dataclasses import replace
from typing import Any

from config_api import preconditions
from config_api.accounts import mail_access
from config_api.accounts import repository as accounts
from config_api.acting import Act
from config_api.aliases import default_alias, draft, judging, lifecycle, repository, transitions, uniqueness
from config_api.aliases.creating import columns
from config_api.aliases.draft import Draft, Secrets
from config_api.aliases.tables import AliasRow
from config_api.aliases.transitions import Cause
from config_api.departments import repository as departments
from config_api.departments.tables import DepartmentRow
from ece_common.contracts.aliases import AliasChange
from ece_common.contracts.problem import FieldProblem

_SECTIONS = ("incoming", "outgoing")


async def change(act: Act, alias_id: int, wanted: AliasChange, if_match: str | None) -> None:
    seen = await repository.get(act.session, alias_id)
    assert seen.department_id is not None
    # The department first, as creation does, so that the flag and the names of one department change one at a time.
    department = await departments.get(act.session, seen.department_id, lock=True)
    row = await repository.get(act.session, alias_id, lock=True)
    preconditions.require(if_match, row.version)
    before = draft.of_row(row)
    after = _judged(row, before, wanted, await _incoming_type(act, row))
    _refuse_inactive_default(row, after, wanted, department)
    await uniqueness.refuse_taken(act, seen.department_id, after, alias_id)
    if after.default_alias and not before.default_alias:
        await default_alias.take_flag(act, seen.department_id)
    told = _apply(act, row, before, after, draft.secrets_of(wanted))
    if told:
        await _record(act, row, told)
    moved = False
    if "status" in wanted.model_fields_set:
        state = transitions.state_of(row)
        decision = lifecycle.by_administrator(state, wanted.status or "active")
        moved = decision.state != state
        await transitions.write(act, row, decision, Cause("administrator"))
    if not told and not moved:
        return
    await uniqueness.flush(act.session)
    for follow in act.hooks.alias_change_followers:
        await follow(act.session, alias_id)


async def _incoming_type(act: Act, row: AliasRow) -> str | None:
    """Its account's, for an alias in one."""
    if row.account_id is None:
        return None
    found = await accounts.with_applications(act.session, [row.account_id])
    return mail_access.of_account(*found[row.account_id]).incoming_type


def _judged(row: AliasRow, before: Draft, wanted: AliasChange, incoming_type: str | None) -> Draft:
    after, uncleared = draft.patched(before, wanted)
    if row.account_id is not None:
        judging.refuse(judging.account_problems(wanted))
    stored = frozenset(section for section in _SECTIONS if getattr(row, f"{section}_password") is not None)
    if row.account_id is not None:
        # Its secrets are the account's.
        stored |= set(_SECTIONS)
    passwords = judging.password_problems(before, after, draft.secrets_of(wanted), stored)
    # What an alias in an account keeps of its own server says nothing about the one it is retrieved from now.
    asked = after if incoming_type is None else replace(after, incoming_server_type=incoming_type)
    judging.refuse(uncleared + _cleared_passwords(wanted, after) + judging.problems_of(asked) + passwords)
    return after


def _cleared_passwords(wanted: AliasChange, after: Draft) -> list[FieldProblem]:
    sections: dict[str, Any] = {"incoming": wanted.incoming}
    if after.outgoing_server_type == "ESMTP":
        sections["outgoing"] = wanted.outgoing
    return [
        FieldProblem(field=f"{section}.password", problem="is required and cannot be cleared")
        for section, part in sections.items()
        if part is not None and "password" in part.model_fields_set and part.password is None
    ]


def _refuse_inactive_default(row: AliasRow, after: Draft, wanted: AliasChange, department: DepartmentRow) -> None:
    """R67. What the system made inactive stays the default, and may be changed otherwise."""
    status = wanted.status or ("active" if "status" in wanted.model_fields_set else row.status)
    asked = wanted.status == "inactive" or not row.default_alias
    if after.default_alias and status == "inactive" and asked:
        default_alias.refuse_inactive(department)


def _mailbox(draft_: Draft) -> tuple[str, str, str]:
    """What makes it another mailbox, whose mails are not known yet. Names of hosts have no case."""
    return draft_.incoming_server_name.casefold(), draft_.incoming_user_name, draft_.incoming_folder


def _apply(act: Act, row: AliasRow, before: Draft, after: Draft, secrets: Secrets) -> dict[str, Any]:
    """Write the draft into the row. What changed, for the audit log: of a secret only that it did."""
    told: dict[str, Any] = {
        draft.dotted(name): [getattr(before, name), getattr(after, name)]
        for name in draft.COLUMNS
        if getattr(before, name) != getattr(after, name)
    }
    for name, value in columns(after).items():
        if getattr(row, name) != value:
            setattr(row, name, value)
    if _mailbox(before) != _mailbox(after):
        row.mailbox_generation += 1
    if secrets.incoming is not None:
        row.incoming_password = act.vault.seal(secrets.incoming)
        told["incoming.password"] = "changed"
    if after.outgoing_server_type == "SMTP":
        row.outgoing_password = None
    elif secrets.outgoing is not None:
        row.outgoing_password = act.vault.seal(secrets.outgoing)
        told["outgoing.password"] = "changed"
    return told


async def _record(act: Act, row: AliasRow, told: dict[str, Any]) -> None:
    row.version += 1
    row.updated_at = act.now
    act.session.add(row)
    subject = f"alias/{row.id}"
    act.audit("alias.changed", subject, told, department_id=row.department_id)
    act.event("alias.changed", subject, {"fields": sorted(told)}, department_id=row.department_id)
    await uniqueness.flush(act.session)
