"""A new alias in an account: its servers and login are the account's, the rest is as of any alias."""

from config_api.accounts import mail_access
from config_api.accounts import repository as accounts
from config_api.acting import Act
from config_api.aliases import creating, judging
from config_api.aliases.draft import Draft
from config_api.aliases.tables import AliasRow
from config_api.departments import repository as departments
from ece_common.contracts.accounts import NewAccountAlias
from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import NotFound


async def create(act: Act, account_id: int, new: NewAccountAlias) -> int:
    seen = await accounts.get(act.session, account_id)
    department = await departments.get(act.session, seen.department_id, lock=True)
    # Held, so that the account is not deleted from under its new alias.
    await accounts.get(act.session, account_id, lock=True)
    found = (await accounts.with_applications(act.session, [account_id])).get(account_id)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    wanted = _draft(new, mail_access.of_account(*found))
    judging.refuse([_as_asked(one) for one in judging.problems_of(wanted)])
    row = AliasRow(
        department_id=seen.department_id,
        account_id=account_id,
        shared_mailbox=new.shared_mailbox,
        **creating.columns(wanted),
        **creating.status(act, new.status),
    )
    return await creating.store(act, department, row, new.retriever_instance)


def _draft(new: NewAccountAlias, access: mail_access.MailAccess) -> Draft:
    """The server columns say what was so when it was made; the account decides what is so now."""
    tls = TlsOptions().model_dump()
    return Draft(
        name=new.name or new.email_address,
        description=new.description,
        email_address=new.email_address,
        automatic_bcc=new.automatic_bcc,
        send_mail_to=new.send_mail_to,
        default_alias=new.default_alias,
        redirection_email_addresses=list(new.redirection_email_addresses),
        incoming_server_type=access.incoming_type,
        incoming_server_name=access.incoming.host,
        incoming_user_name=new.email_address,
        incoming_use_ssl=access.incoming.use_ssl,
        incoming_port=access.incoming.port,
        incoming_folder="inbox" if new.folder.casefold() == "inbox" else new.folder,
        incoming_tls=tls,
        outgoing_server_type="ESMTP",
        outgoing_use_smtp="never",
        outgoing_server_name=access.outgoing.host,
        outgoing_use_ssl=access.outgoing.use_ssl,
        outgoing_port=access.outgoing.port,
        outgoing_user_name=new.email_address,
        outgoing_tls=tls,
        after_retrieval=new.after_retrieval,
        move_to=new.move_to,
    )


def _as_asked(problem: FieldProblem) -> FieldProblem:
    """Under the name that the field has here."""
    return FieldProblem(field=problem.field.removeprefix("incoming."), problem=problem.problem)
