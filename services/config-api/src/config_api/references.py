"""How a lower slice asks the higher ones without importing them: who refers to this, who follows when it is made.

Each slice registers its answer in `main`; this module knows none of them.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastapi import Request
from sqlmodel.ext.asyncio.session import AsyncSession

from ece_common.contracts.base import Reference
from ece_common.contracts.evidence import Evidence
from ece_common.contracts.policies import DepartmentPolicies
from ece_common.contracts.workflows import AutoAcknowledge
from ece_common.errors import Conflict

Guard = Callable[[AsyncSession, int], Awaitable[list[Reference]]]
Follower = Callable[[AsyncSession, int], Awaitable[None]]
AccountsFollower = Callable[[AsyncSession, Sequence[int]], Awaitable[None]]
Actor = Any
"""An `acting.Act`, which stands above this module."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A mail that came in and tells of one that went out. `activity_id` is the one it gets."""

    activity_id: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A mail that came in and is to be answered at once, as a workflow says."""

    activity_id: int
    answer: AutoAcknowledge


@dataclass(frozen=True, slots=True)
class Move:
    """What a change to an OAuth application means for its accounts."""

    grants: bool
    """What was granted before is worth nothing now."""
    protocols: frozenset[str]
    """`imap`, `pop3`: mailboxes are on another server now."""


class Placement(Protocol):
    """The retriever instances, as aliases need them."""

    async def place(self, session: AsyncSession, alias_id: int, instance: str) -> None:
        """Add the alias to the instance of that name. Raise `Invalid` when there is none."""
        ...

    async def names(self, session: AsyncSession, alias_ids: Sequence[int]) -> dict[int, str]:
        """The instance of each alias that is in one."""
        ...


async def _none(_session: AsyncSession, _department_ids: Sequence[int]) -> dict[int, DepartmentPolicies]:
    return {}


@dataclass(slots=True)
class Hooks:
    """`*_guards` answer what still refers to a row; `*_followers` act in
    the transaction of the change: they add what a new row needs, or pass a change on. `*_cleaners` take away what a
    deleted row owned. `alias_placement` knows which retriever instance an alias is in.
    """

    department_guards: list[Guard] = field(default_factory=list[Guard])
    department_followers: list[Follower] = field(default_factory=list[Follower])
    department_cleaners: list[Follower] = field(default_factory=list[Follower])
    queue_guards: list[Guard] = field(default_factory=list[Guard])
    # An activity went to that department: what hangs on it goes along.
    transfer_followers: list[Callable[[AsyncSession, int, int], Awaitable[None]]] = field(
        default_factory=list[Callable[[AsyncSession, int, int], Awaitable[None]]]
    )
    alias_guards: list[Guard] = field(default_factory=list[Guard])
    alias_change_followers: list[Follower] = field(default_factory=list[Follower])
    alias_cleaners: list[Follower] = field(default_factory=list[Follower])
    alias_placement: "Placement | None" = None
    oauth_application_followers: list[Callable[[Actor, int, Move], Awaitable[None]]] = field(
        default_factory=list[Callable[[Actor, int, Move], Awaitable[None]]]
    )
    oauth_application_guards: list[Guard] = field(default_factory=list[Guard])
    account_guards: list[Guard] = field(default_factory=list[Guard])
    # What the account's aliases retrieve by from now on, and whether from another server. Raise `Invalid` when an
    # alias cannot.
    account_server_followers: list[Callable[[AsyncSession, int, str, bool], Awaitable[None]]] = field(
        default_factory=list[Callable[[AsyncSession, int, str, bool], Awaitable[None]]]
    )
    # Servers, status or tokens of these accounts changed: what workers know of their aliases is outdated.
    account_change_followers: list[AccountsFollower] = field(default_factory=list[AccountsFollower])
    # The account stopped working, with the reason in words: only an administrator helps.
    account_invalid_followers: list[Callable[[Actor, int, str], Awaitable[None]]] = field(
        default_factory=list[Callable[[Actor, int, str], Awaitable[None]]]
    )
    # Delivery reports and complaints that came in; answers which outgoing activity each is surely about.
    report_linkers: list[Callable[[Actor, Sequence[Report]], Awaitable[dict[int, int]]]] = field(
        default_factory=list[Callable[[Actor, Sequence[Report]], Awaitable[dict[int, int]]]]
    )
    # Mails that came in just now and are to be acknowledged, in the same transaction.
    acknowledgers: list[Callable[[Actor, Sequence[Acknowledgement]], Awaitable[None]]] = field(
        default_factory=list[Callable[[Actor, Sequence[Acknowledgement]], Awaitable[None]]]
    )
    # The policies in force, by department: what a worker is to apply.
    department_policies: Callable[[AsyncSession, Sequence[int]], Awaitable[dict[int, DepartmentPolicies]]] = _none
    policy_followers: list[Callable[[AsyncSession], Awaitable[None]]] = field(
        default_factory=list[Callable[[AsyncSession], Awaitable[None]]]
    )
    settings_followers: list[Callable[[AsyncSession], Awaitable[None]]] = field(
        default_factory=list[Callable[[AsyncSession], Awaitable[None]]]
    )


def hooks_of(request: Request) -> Hooks:
    hooks: Hooks = request.app.state.hooks
    return hooks


async def refuse_if_referenced(session: AsyncSession, guards: list[Guard], identity: int, what: str) -> None:
    """Raise `Conflict` with the list of what still refers to the row."""
    found = [reference for guard in guards for reference in await guard(session, identity)]
    if found:
        kinds = ", ".join(sorted({reference.type for reference in found}))
        raise Conflict(f"{what} is still in use by: {kinds}", code="still_referenced", references=found)
