"""A worker asks for an access token: only for an alias that its instance works on."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Caller
from config_api.aliases import repository as aliases
from config_api.instances.tables import InstanceRow, LeaseRow, MembershipRow
from config_api.instances.upkeep import FALLBACK
from ece_common.contracts.tokens import AccessTokenRequest
from ece_common.errors import Conflict, Forbidden

NO_ACCOUNT = "alias_without_account"


async def account_for(session: AsyncSession, caller: Caller, alias_id: int, asked: AccessTokenRequest) -> int:
    """The account whose token the worker may have. Raise `Forbidden` when the alias is another instance's."""
    caller.may_work_for(asked.kind, asked.instance)
    alias = await aliases.get(session, alias_id)
    if not await _works_on(session, alias_id, asked):
        raise Forbidden(f"alias {alias_id} is not worked on by {asked.kind} instance {asked.instance!r}")
    if alias.account_id is None:
        raise Conflict(f"alias {alias_id} belongs to no account: it has a password of its own", code=NO_ACCOUNT)
    return alias.account_id


async def _works_on(session: AsyncSession, alias_id: int, asked: AccessTokenRequest) -> bool:
    own = select(InstanceRow.id).where(InstanceRow.kind == asked.kind, InstanceRow.name == asked.instance)
    instance_id = (await session.exec(own)).one_or_none()
    if instance_id is None:
        return False
    member = select(MembershipRow.instance_id).where(MembershipRow.alias_id == alias_id)
    of_kind = (await session.exec(member.where(MembershipRow.kind == asked.kind))).all()
    if instance_id in of_kind:
        return True
    if asked.kind == "dispatcher":
        # What is in no dispatcher instance is the default one's.
        return asked.instance == FALLBACK and not of_kind
    leased = select(LeaseRow.alias_id).where(
        LeaseRow.alias_id == alias_id, LeaseRow.instance_id == instance_id, LeaseRow.replica == asked.replica
    )
    return (await session.exec(leased.where(col(LeaseRow.wanted_back).is_(False)))).first() is not None
