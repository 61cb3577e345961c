"""A job as its worker gets it: with the access it needs, of this moment."""

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.accounts import renewing
from config_api.activities import repository as activities
from config_api.aliases import repository as aliases
from config_api.instances import mailbox_access
from config_api.jobs import repository
from config_api.jobs.tables import JobRow
from config_api.outbound import access
from config_api.preferences import in_force
from config_api.references import Hooks
from config_api.sealing import Vault
from ece_common.contracts.instances import RetrieverSettings
from ece_common.contracts.jobs import Job
from ece_common.errors import Transient


async def job(session: AsyncSession, row: JobRow, vault: Vault, hooks: Hooks) -> Job:
    """Raise `NotFound` when what it is about is gone, `CannotOpen` when no master key opens the password, `Conflict`
    or `Transient` when its account gives no token.
    """
    made = {
        "test_incoming": _test_incoming,
        "test_outgoing": _test_outgoing,
        "reprocess": _reprocess,
    }[row.kind]
    return await made(session, row, vault, hooks)


async def _test_incoming(session: AsyncSession, row: JobRow, vault: Vault, _hooks: Hooks) -> Job:
    alias = await aliases.get(session, row.target_id)
    if row.account_id is not None:
        # Out of the session, so that it is not stored so.
        session.expunge(alias)
        alias.account_id = row.account_id
    found = await mailbox_access.accounts_of(session, [alias])
    for account, _ in found.values():
        renewing.refuse_unusable(account)
    incoming = mailbox_access.incoming(alias, found, vault)
    if found and incoming.access_token is None:
        # With neither token nor password a worker would be refused for a reason that is none.
        raise Transient("the account's token is not there yet: try again", code=access.NO_TOKEN)
    return Job(
        id=str(row.id),
        kind="test_incoming",
        seconds=repository.CLAIM_SECONDS,
        incoming=incoming,
        move_to=alias.move_to if alias.after_retrieval == "move" else None,
    )


async def _test_outgoing(session: AsyncSession, row: JobRow, vault: Vault, _hooks: Hooks) -> Job:
    alias = await aliases.get(session, row.target_id)
    found = await mailbox_access.accounts_of(session, [alias])
    return Job(
        id=str(row.id),
        kind="test_outgoing",
        seconds=repository.CLAIM_SECONDS,
        outgoing=access.of_alias(vault, alias, found).access,
        mail_from=alias.email_address,
    )


async def _reprocess(session: AsyncSession, row: JobRow, _vault: Vault, hooks: Hooks) -> Job:
    activity = await activities.get(session, row.target_id)
    policies = None
    if activity.department_id is not None:
        policies = (await hooks.department_policies(session, [activity.department_id])).get(activity.department_id)
    return Job(
        id=str(row.id),
        kind="reprocess",
        seconds=repository.CLAIM_SECONDS,
        activity_id=activity.id,
        settings=RetrieverSettings.model_validate((await in_force.partition(session)).model_dump()),
        policies=policies,
    )
