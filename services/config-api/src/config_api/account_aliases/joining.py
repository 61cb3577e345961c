"""A basic alias becomes one of an account. Its own servers and passwords are kept for the day it leaves (R197)."""

from config_api.accounts import mail_access
from config_api.accounts import repository as accounts
from config_api.accounts.mail_access import MailAccess
from config_api.acting import Act
from config_api.aliases import repository
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from ece_common.errors import Conflict, NotFound


def problem_of(alias: AliasRow, access: MailAccess) -> str | None:
    """What the account's protocol cannot do for this alias."""
    if access.incoming_type == "IMAP":
        return None
    if alias.incoming_folder.casefold() != "inbox":
        return f"the account retrieves by POP3, which knows no folder {alias.incoming_folder!r}: set it to inbox"
    if alias.after_retrieval not in ("delete", "keep"):
        return f"the account retrieves by POP3, so after_retrieval cannot be {alias.after_retrieval}"
    return None


async def join(act: Act, account_id: int, alias_id: int, *, shared: bool) -> None:
    seen = await repository.get(act.session, alias_id)
    if seen.department_id is None:
        raise NotFound(f"there is no alias {alias_id}")
    await departments.get(act.session, seen.department_id, lock=True)
    account = await accounts.get(act.session, account_id, lock=True)
    alias = await repository.get(act.session, alias_id, lock=True)
    if alias.account_id is not None or alias.department_id != account.department_id:
        raise Conflict(f"alias {alias_id} was changed meanwhile: look at it again")
    _, application = (await accounts.with_applications(act.session, [account_id]))[account_id]
    access = mail_access.of_account(account, application)
    before = (alias.incoming_server_name.casefold(), alias.incoming_user_name.casefold())
    if before != (access.incoming.host.casefold(), alias.email_address.casefold()):
        # Another mailbox, as far as anybody can tell.
        alias.mailbox_generation += 1
    alias.account_id, alias.converted, alias.shared_mailbox = account_id, True, shared
    alias.version += 1
    alias.updated_at = act.now
    act.session.add(alias)
    subject, whose = f"alias/{alias_id}", alias.department_id
    told = {"name": alias.name, "account_id": account_id, "shared_mailbox": shared}
    act.audit("alias.joined_account", subject, told, department_id=whose)
    act.event("alias.joined_account", subject, told, department_id=whose)
    await act.session.flush()
    for follow in act.hooks.alias_change_followers:
        await follow(act.session, alias_id)
