"""A retriever tells how an attempt went: counted with the alias, under the lock of its row and of the lease."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta

from config_api.accounts import tokens
from config_api.accounts.tables import AccountRow
from config_api.acting import Act
from config_api.aliases import lifecycle, repository, transitions, view
from config_api.aliases.lifecycle import Limits
from config_api.aliases.tables import AliasRow, TransitionRow
from config_api.aliases.transitions import Cause
from config_api.instances import leases, mailbox_access
from config_api.preferences import in_force
from config_api.sealing import CannotOpen, Vault
from ece_common.contracts.aliases import StatusAnswer, StatusReport
from ece_common.errors import Invalid

REMEMBERED = 8
"""So many reports of an alias are known when they are repeated; a worker sends them one after the other."""


async def report(act: Act, alias_id: int, told: StatusReport) -> StatusAnswer:
    _check(told)
    # The alias before the lease, as deletion does.
    row = await repository.get(act.session, alias_id, lock=True)
    await leases.require(act.session, act.caller, alias_id, told.epoch)
    if told.attempt_id in row.recent_attempts:
        return _answer(row, None)
    before = transitions.state_of(row)
    decision = lifecycle.decide(before, told, await _limits(act), act.now)
    if decision.state == before and told.outcome == "connected":
        # The usual case writes nothing.
        return _answer(row, None)
    row.recent_attempts = [*row.recent_attempts, told.attempt_id][-REMEMBERED:]
    cause = Cause("system", await _without_secrets(act, row, told.detail), told.epoch)
    return _answer(row, await transitions.write(act, row, decision, cause))


def _check(told: StatusReport) -> None:
    if told.outcome == "failed" and told.condition is None and told.reason != lifecycle.THROTTLED:
        raise Invalid.field("condition", "is required when the outcome is failed: recoverable or manual")


async def _limits(act: Act) -> Limits:
    settings = await in_force.partition(act.session)
    return Limits(
        connection_attempts=settings.connection_attempts,
        retry_after=timedelta(seconds=settings.retry_after_seconds),
        poll_interval=timedelta(seconds=settings.poll_interval_seconds),
    )


async def _without_secrets(act: Act, row: AliasRow, detail: str) -> str:
    """A server may repeat what it was sent."""
    accounts = await mailbox_access.accounts_of(act.session, [row])
    for secret in _secrets(act.vault, row, [account for account, _ in accounts.values()]):
        detail = detail.replace(secret, "***")
    return detail.replace("\x00", "\ufffd")


def _secrets(vault: Vault, row: AliasRow, accounts: Sequence[AccountRow]) -> Iterator[str]:
    """What no key opens was sent to nobody, and keeps no other alias's report from being taken."""
    for sealed in (row.incoming_password, row.outgoing_password):
        with suppress(CannotOpen):
            if sealed is not None and (password := vault.open(sealed)):
                yield password
    for account in accounts:
        with suppress(CannotOpen):
            if (held := tokens.held(account, vault)) is not None and held.access_token:
                yield held.access_token


def _answer(row: AliasRow, made: TransitionRow | None) -> StatusAnswer:
    state = transitions.state_of(row)
    return StatusAnswer(
        alias_id=row.id or 0,
        status=state.status,
        status_changed_by=state.changed_by,
        recoverable=state.recoverable,
        failed_attempts=state.failed_attempts,
        next_attempt_at=state.next_attempt_at,
        transition=view.transition(made) if made is not None else None,
    )
