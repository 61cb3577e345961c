"""An alias leaves its account (R197 to R204): made in it, it is deleted; converted, it is a basic alias again."""

from config_api import preconditions
from config_api.acting import Act
from config_api.aliases import default_alias, deleting, repository, transitions
from config_api.aliases.lifecycle import Decision, State
from config_api.aliases.tables import AliasRow
from config_api.aliases.transitions import Cause
from config_api.departments import repository as departments
from config_api.references import refuse_if_referenced
from ece_common.errors import NotFound

REASON = "removed_from_account"


async def remove(act: Act, account_id: int, alias_id: int, if_match: str | None) -> None:
    """Raise `Conflict` for an active default alias, and while a retriever instance or a workflow uses it (R203)."""
    seen = await repository.get(act.session, alias_id)
    if seen.account_id != account_id or seen.department_id is None:
        raise NotFound(f"there is no alias {alias_id} in account {account_id}")
    department = await departments.get(act.session, seen.department_id, lock=True)
    row = await repository.get(act.session, alias_id, lock=True)
    preconditions.require(if_match, row.version)
    if row.default_alias and row.status == "active":
        default_alias.refuse_deletion(department)
    await refuse_if_referenced(act.session, act.hooks.alias_guards, alias_id, f"alias {row.name!r}")
    row.default_alias = False
    act.session.add(row)
    await act.session.flush()
    if row.converted:
        await _give_back(act, row, account_id)
    else:
        await deleting.delete(act, alias_id, None)


async def _give_back(act: Act, row: AliasRow, account_id: int) -> None:
    """Inactive, with the servers and passwords it had before; another login may see another mailbox."""
    assert row.id is not None
    row.account_id, row.converted, row.shared_mailbox = None, False, False
    if row.incoming_server_type == "POP3":
        # As the account's server was IMAP, it may have got what POP3 does not know.
        row.incoming_folder, row.move_to = "inbox", None
        row.after_retrieval = row.after_retrieval if row.after_retrieval == "delete" else "keep"
    row.mailbox_generation += 1
    row.version += 1
    row.updated_at = act.now
    act.audit("alias.left_account", f"alias/{row.id}", {"account_id": account_id}, department_id=row.department_id)
    data = {"name": row.name, "email_address": row.email_address, "account_id": account_id}
    act.event("alias.left_account", f"alias/{row.id}", data, department_id=row.department_id)
    after = State("inactive", "administrator", recoverable=False, failed_attempts=0, next_attempt_at=None,
                  reason=REASON)  # fmt: skip
    await transitions.write(act, row, Decision(after, told=row.status == "active"), Cause("administrator"))
    await act.session.flush()
    for follow in act.hooks.alias_change_followers:
        await follow(act.session, row.id)
