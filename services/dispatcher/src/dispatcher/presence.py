"""That this replica lives, told every few seconds, and the settings it works under."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from ece_common import retry
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import DispatcherAssignment, Heartbeat, HeartbeatAnswer
from ece_common.errors import EceError

log = structlog.get_logger()

_FIRST_BEAT = 5.0


class ConfigApi(Protocol):
    async def heartbeat(self, kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer: ...

    async def dispatcher_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, DispatcherAssignment] | None: ...


class Presence:
    def __init__(self, api: ConfigApi, instance: str, replica: str, incarnation: str) -> None:
        self._api = api
        self._instance = instance
        self._replica = replica
        self._incarnation = incarnation

    async def beat(self, stop: asyncio.Event, counters: Callable[[], dict[str, int]]) -> None:
        """Until `stop`; an outage of the Config API changes nothing but the log."""
        pause, silent = _FIRST_BEAT, False
        while not stop.is_set():
            try:
                answer = await self._tell(counters())
                pause, silent = max(0.5, answer.beat_after_seconds), False
            except Exception as problem:  # noqa: BLE001 - the next beat is due anyway
                if not silent:
                    log.warning(
                        "heartbeat.failed", problem=str(problem), unexpected=not isinstance(problem, EceError)
                    )
                silent = True
            await retry.sleep_unless(stop, pause)

    async def leave(self, counters: dict[str, int], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._tell(counters, leaving=True)
        except (EceError, TimeoutError) as problem:
            log.info("heartbeat.leaving_untold", problem=str(problem))

    async def follow(self, changed: Callable[[DispatcherAssignment], None], wait: float = 30.0) -> None:
        """Hands over each new assignment, until cancelled."""
        etag: str | None = None
        waits = retry.waits(1.0, 30.0)
        while True:
            try:
                told = await self._api.dispatcher_assignment(self._instance, self._replica, etag=etag, wait=wait)
                waits = retry.waits(1.0, 30.0)
                if told is not None:
                    etag, assignment = told
                    changed(assignment)
                elif etag is None:
                    await asyncio.sleep(1.0)
            except Exception as problem:  # noqa: BLE001 - the last assignment stays in force
                again_in = next(waits)
                log.warning("assignment.unread", problem=str(problem), again_in=round(again_in, 1))
                await asyncio.sleep(again_in)

    async def _tell(self, counters: dict[str, int], *, leaving: bool = False) -> HeartbeatAnswer:
        beat = Heartbeat(incarnation=self._incarnation, leaving=leaving, counters=counters)
        return await self._api.heartbeat("dispatcher", self._instance, self._replica, beat)
