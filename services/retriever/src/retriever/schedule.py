"""Which mailbox is drained when: one task an alias that connects, drains, waits, and reports how attempts went."""

import asyncio
from collections.abc import Coroutine, Iterator
from datetime import datetime
from typing import Any, Literal, TypeVar

import structlog

from ece_common.contracts.aliases import StatusReport
from ece_common.contracts.instances import AssignedAlias, IncomingAccess
from ece_common.errors import EceError, Forbidden, NotFound, Permanent, StaleEpoch, Transient, Unauthenticated
from ece_common.retry import waits
from retriever.attempts import Due, connected_report, failed_report, wait_uncounted, written
from retriever.fresh_token import LoginToken
from retriever.mailbox.port import MailFailure
from retriever.pipeline import Work, drain, tell_settled
from retriever.second_tries import SecondTries
from retriever.surroundings import Surroundings

LONGEST_PAUSE = 15.0
"""Seconds between tries while the Config API is away: so long after its return the last alias goes on."""

State = Literal["starting", "connecting", "retrieving", "idle", "waiting", "inactive", "held_back", "closed"]
Result = TypeVar("Result")


class Halted(Exception):
    """The alias is to be let go of, or its assignment has changed."""


class Watch:
    """The work on one alias, from its assignment until `halt` and the end of what was in hand."""

    def __init__(self, alias: AssignedAlias, around: Surroundings, *, announce: bool = False) -> None:
        """`announce`: report the first connection even when nothing had failed (after a change)."""
        self.alias = alias
        self.state: State = "starting"
        self.last_connected: datetime | None = None
        self.last_error: str | None = None
        self.lost = False
        """The Config API said that the lease has passed to someone else, or that the alias is gone."""
        self._around = around
        self._announce = announce
        self._halt = asyncio.Event()
        self._woken = asyncio.Event()
        self._mailbox = around.build_mailbox(alias)
        self._token = LoginToken(around.fresh_tokens, around.monotonic)
        self._second_tries = SecondTries(self._token, around.monotonic)
        self._due = Due()
        self._proven_since: float | None = None
        self._drained = around.monotonic()
        self._work = Work(
            alias=alias,
            mailbox=self._mailbox,
            intake=around.desk,
            settings=around.settings,
            now=around.now,
            halted=self._halt.is_set,
            in_force=around.in_force,
            tallies=around.tallies,
            policies=lambda: around.policies(alias.department_id),
            room=around.room,
        )

    def halt(self) -> None:
        """Begin nothing new; what is committed is still settled, then the mailbox is closed."""
        self._halt.set()
        self._woken.set()

    def _lose(self) -> None:
        self.lost = True
        self._around.tallies.leases_lost.inc()
        self.halt()

    def standing_changed(self, alias: AssignedAlias) -> None:
        """The same mailbox, with another count of failures, time for the next attempt, or access token."""
        ours = self.alias
        self._log_in_with(self._token.newest(ours.incoming, alias.incoming))
        alias = alias.model_copy(update={"incoming": self.alias.incoming})
        if alias.status == ours.status == "active" and alias.failed_attempts < ours.failed_attempts:
            # Written before our report was counted. Should an administrator have reset the count, the next attempt
            # comes a poll interval late at most.
            alias = alias.model_copy(
                update={"failed_attempts": ours.failed_attempts, "next_attempt_at": ours.next_attempt_at}
            )
        self.alias = alias
        self._woken.set()

    def _log_in_with(self, access: IncomingAccess) -> None:
        if access != self.alias.incoming:
            self.alias = self.alias.model_copy(update={"incoming": access})
            self._mailbox.log_in_with(access)

    def silent_seconds(self) -> float:
        """Since the mailbox was drained, or was to be worked on at all; 0 for an inactive alias."""
        return self._around.monotonic() - self._drained if self.alias.status == "active" else 0.0

    def describe(self) -> dict[str, object]:
        return {
            "alias_id": self.alias.alias_id,
            "department_id": self.alias.department_id,
            "epoch": self.alias.epoch,
            "status": self.alias.status,
            "state": self.state,
            "failed_attempts": self.alias.failed_attempts,
            "next_attempt_at": written(self.alias.next_attempt_at),
            "last_connected_at": written(self.last_connected),
            "last_error": self.last_error,
            "backlog": self._work.backlog,
        }

    async def run(self) -> None:
        """Survives everything but cancellation."""
        structlog.contextvars.bind_contextvars(
            alias_id=self.alias.alias_id, department_id=self.alias.department_id, epoch=self.alias.epoch
        )
        backoff = waits(1.0, LONGEST_PAUSE)
        try:
            while not self._halt.is_set():
                idle = self.alias.status == "inactive"
                backoff = await self._once(backoff)
                if idle:  # nobody expected anything of it
                    self._drained = self._around.monotonic()
        finally:
            await self._mailbox.close()
            self.state = "closed"
        await self._last_words()

    async def _once(self, backoff: Iterator[float]) -> Iterator[float]:
        """One turn of the loop, and the waits to use after a next failure."""
        try:
            if await self._may_attempt():
                await self._turn()
                return waits(1.0, LONGEST_PAUSE)
        except Halted:
            pass
        except MailFailure as failure:
            await self._mailbox.close()
            interval = float(self._around.settings().poll_interval_seconds)
            if not self._second_tries.granted(self.alias.incoming, failure, interval):
                await self._failed(failure, interval)
        except (StaleEpoch, NotFound):
            structlog.get_logger().warning("alias.lease_lost")
            self._lose()
        except EceError as outage:
            await self._held_back(outage, next(backoff))
        except Exception as surprise:  # noqa: BLE001 - one alias's trouble, whatever it is, ends nobody's work
            structlog.get_logger().exception("alias.unexpected_failure")
            await self._mailbox.close()
            await self._held_back(surprise, next(backoff) + 1.0)
        return backoff

    async def _may_attempt(self) -> bool:
        """False after a wait: look again."""
        if self.alias.status == "inactive" and not self.alias.recoverable:
            self.state = "inactive"
            await self._mailbox.close()
            await self._sleep(None)
            return False
        if (left := self._due.left(self.alias.next_attempt_at, self._around)) > 0:
            self.state = "waiting"
            await self._mailbox.close()
            await self._sleep(left)
            return False
        return True

    async def _turn(self) -> None:
        """Connect where not connected, drain, wait for more."""
        if self._proven_since is None:
            self.state = "connecting"
        if not self._mailbox.connected:
            self._log_in_with(
                await self._unless_halted(self._token.renewed(self.alias.alias_id, self.alias.incoming))
            )
            async with self._around.logins.turn(self.alias.incoming.server_name):
                self._log_in_with(self._token.as_the_others(self.alias.incoming))
                await self._unless_halted(self._mailbox.open())
        self._token.proven()
        await self._connected()
        self.state = "retrieving"
        await drain(self._work)
        if self._halt.is_set():
            return
        self._drained = self._around.monotonic()
        self._around.tallies.last_success.set(self._around.now().timestamp())
        self.last_error = None
        self.state = "idle"
        if self._mailbox.pushes and self._proven_since is None:
            self._proven_since = self._around.monotonic()
        await self._unless_halted(self._mailbox.wait(self._around.settings().poll_interval_seconds))

    async def _connected(self) -> None:
        """R125: what was inactive for a recoverable reason is active again, and only then retrieved (R126)."""
        self.last_connected = self._around.now()
        if not (self._announce or self.alias.failed_attempts or self.alias.status == "inactive"):
            return
        await self._report(connected_report(self.alias))
        self._announce = False
        structlog.get_logger().info("alias.connected", status=self.alias.status)
        if self.alias.status == "inactive":
            raise Halted  # an administrator decided in the meantime; the loop looks at what is so now

    async def _failed(self, failure: MailFailure, interval: float) -> None:
        """Tell the Config API, which counts, and obey what it answers; or wait, when that was no attempt."""
        self.last_error = str(failure)
        self.state = "waiting"
        self._around.tallies.mailbox_failed(failure.reason)
        log = structlog.get_logger()
        since, self._proven_since = self._proven_since, None
        lasted = self._around.monotonic() - since if since is not None else None
        lease = self._around.lease_seconds()
        wait = wait_uncounted(
            failure, self.alias, interval=interval, lease=lease, lasted=lasted, now=self._around.now()
        )
        if wait is not None:
            log.info("alias.not_an_attempt", reason=failure.reason, detail=failure.detail, again_in=round(wait, 1))
            await self._sleep(wait)
            return
        log.warning("alias.attempt_failed", reason=failure.reason, detail=failure.detail)
        await self._report_until_heard(failed_report(self.alias, failure))
        # Whatever an assignment on its way says of the count: it is there, and a success must reset it.
        self._announce = True
        due = self.alias.next_attempt_at
        if due is None and self.alias.status == "inactive" and not self.alias.recoverable:
            return
        if due is None or due <= self._around.now():
            # No time was told, the report was refused, or this machine's clock is ahead: never at once, all the same.
            await self._sleep(interval)

    async def _report_until_heard(self, report: StatusReport) -> None:
        """The same report again and again: its attempt_id makes that count once."""
        backoff = waits(1.0, LONGEST_PAUSE)
        while not self._halt.is_set():
            try:
                await self._report(report)
            except (Transient, Unauthenticated, Forbidden) as outage:
                await self._held_back(outage, next(backoff))
            except (StaleEpoch, NotFound):
                self._lose()
            except Permanent as refusal:
                structlog.get_logger().error("alias.report_refused", detail=refusal.detail)
                return
            else:
                return

    async def _report(self, report: StatusReport) -> None:
        answer = await self._around.desk.report_status(self.alias.alias_id, report)
        self.alias = self.alias.model_copy(
            update={
                "status": answer.status,
                "recoverable": answer.recoverable,
                "failed_attempts": answer.failed_attempts,
                "next_attempt_at": answer.next_attempt_at,
            }
        )

    async def _held_back(self, cause: Exception, seconds: float) -> None:
        """The mailbox works, the Config API does not: keep the connection, leave the mail where it is."""
        self.state = "held_back"
        code = cause.code if isinstance(cause, EceError) else type(cause).__name__
        self.last_error = f"{code}: {cause}"
        self._around.tallies.config_api_failed(code)
        structlog.get_logger().warning("alias.held_back", code=code, cause=str(cause), again_in=round(seconds, 1))
        await self._around.sleep(self._halt, seconds)

    async def _last_words(self) -> None:
        try:
            await tell_settled(self._work)
        except EceError as refusal:
            structlog.get_logger().info("alias.settled_not_told", cause=str(refusal))

    async def _sleep(self, seconds: float | None) -> None:
        """Until something changes for this alias, at most `seconds`."""
        self._woken.clear()
        if self._halt.is_set():
            return
        if seconds is None:
            await self._woken.wait()
        else:
            await self._around.sleep(self._woken, seconds)

    async def _unless_halted(self, doing: Coroutine[Any, Any, Result]) -> Result:
        """The result, or Halted as soon as the alias is to be let go of."""
        task = asyncio.ensure_future(doing)
        halting = asyncio.ensure_future(self._halt.wait())
        try:
            await asyncio.wait([task, halting], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise Halted
        finally:
            halting.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                if not task.cancelled():
                    task.exception()
