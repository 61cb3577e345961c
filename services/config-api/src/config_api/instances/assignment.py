"""What a replica is to work on: its leases with opened passwords, and the settings it goes by."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.aliases.tables import AliasRow
from config_api.instances import mailbox_access, repository
from config_api.instances.mailbox_access import Accounts
from config_api.instances.tables import LeaseRow, MembershipRow
from config_api.instances.upkeep import FALLBACK
from config_api.preferences import in_force
from config_api.sealing import CannotOpen, Vault
from ece_common.contracts.instances import (
    AssignedAlias,
    DispatcherAssignment,
    DispatcherSettings,
    RetrieverAssignment,
    RetrieverSettings,
)
from ece_common.contracts.policies import DepartmentPolicies

log = structlog.get_logger()
Rendered = Callable[[], bytes]
"""Opens passwords and writes JSON: work for another thread, without a database connection."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for an assignment."""

    instance_id: int
    instance: str
    replica: str
    lease_seconds: float


Policies = Callable[[AsyncSession, Sequence[int]], Awaitable[dict[int, DepartmentPolicies]]]


async def for_retriever(session: AsyncSession, asked: Asked, vault: Vault, policies: Policies) -> Rendered:
    held = await _held(session, asked)
    accounts = await mailbox_access.accounts_of(session, (alias for alias, _ in held))
    settings = RetrieverSettings.model_validate((await in_force.partition(session)).model_dump())
    applied = await policies(session, [alias.department_id for alias, _ in held if alias.department_id is not None])

    def rendered() -> bytes:
        answer = RetrieverAssignment(
            instance=asked.instance,
            replica=asked.replica,
            lease_seconds=asked.lease_seconds,
            settings=settings,
            aliases=[one for row, lease in held if (one := _readable(row, lease, accounts, vault)) is not None],
            policies=applied,
        )
        return answer.model_dump_json().encode()

    return rendered


async def _held(session: AsyncSession, asked: Asked) -> Sequence[tuple[AliasRow, LeaseRow]]:
    query = (
        select(AliasRow, LeaseRow)
        .join(LeaseRow, col(LeaseRow.alias_id) == col(AliasRow.id))
        .join(
            MembershipRow,
            (col(MembershipRow.alias_id) == col(AliasRow.id))
            & (col(MembershipRow.instance_id) == col(LeaseRow.instance_id)),
        )
        .where(
            col(LeaseRow.instance_id) == asked.instance_id,
            col(LeaseRow.replica) == asked.replica,
            col(LeaseRow.wanted_back).is_(False),
            col(AliasRow.deleted_at).is_(None),
        )
        .order_by(col(AliasRow.id))
    )
    return (await session.exec(query)).all()


def _readable(alias: AliasRow, lease: LeaseRow, accounts: Accounts, vault: Vault) -> AssignedAlias | None:
    """None when no master key opens its secret: that mailbox waits, and holds up none of the others."""
    try:
        return _assigned(alias, lease, accounts, vault)
    except CannotOpen:
        log.warning("alias.secret_unreadable", alias_id=alias.id, advice="give back the master key, or set it anew")
        return None


def _assigned(alias: AliasRow, lease: LeaseRow, accounts: Accounts, vault: Vault) -> AssignedAlias:
    assert alias.id is not None
    assert alias.department_id is not None
    standing = mailbox_access.standing(alias, accounts)
    return AssignedAlias(
        alias_id=alias.id,
        department_id=alias.department_id,
        email_address=alias.email_address,
        epoch=lease.epoch,
        mailbox_generation=alias.mailbox_generation,
        status=standing.status,  # pyright: ignore[reportArgumentType] - written from the contract's values only
        recoverable=standing.recoverable,
        next_attempt_at=alias.next_attempt_at,
        failed_attempts=alias.failed_attempts,
        handed_over_at=lease.handed_over_at,
        incoming=mailbox_access.incoming(alias, accounts, vault),
        after_retrieval=alias.after_retrieval,  # pyright: ignore[reportArgumentType]
        move_to=alias.move_to,
    )


async def for_dispatcher(session: AsyncSession, asked: Asked) -> Rendered:
    """No passwords here: a claimed message brings its own."""
    aliases = (await repository.aliases_of(session, [asked.instance_id]))[asked.instance_id]

    def rendered() -> bytes:
        answer = DispatcherAssignment(
            instance=asked.instance,
            replica=asked.replica,
            lease_seconds=asked.lease_seconds,
            settings=DispatcherSettings(),
            alias_ids=aliases,
            serves_unassigned=asked.instance == FALLBACK,
        )
        return answer.model_dump_json().encode()

    return rendered
