"""Workers that do connection tests without any server."""

import asyncio
from typing import Any, Self

from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica

OPEN = [{"side": "incoming", "step": "auth", "outcome": "ok"}]
SHUT = [{"side": "incoming", "step": "auth", "outcome": "failed", "detail": "NO AUTHENTICATE failed."}]


class Worker:
    """Does jobs as it is told: aliases in `opening` open, others do not, and no token in `refused` does."""

    def __init__(self, service: ConfigApi, *opening: str, kind: str = "retriever") -> None:
        self.worker = service.worker
        self.opening = opening
        self.kind = kind
        self.refused: set[str] = set()
        self.jobs: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        await Replica(self.worker, kind=self.kind).beat()
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        me = {"instance": "default", "replica": "one"}
        while True:
            body = {**me, "kind": self.kind, "wait": 5}
            job = (await self.worker.post("/worker-jobs/claims", json=body)).json()["job"]
            if job is None:
                continue
            self.jobs.append(job)
            access = job["incoming"] or job["outgoing"]
            opens = access["user_name"] in self.opening and access["access_token"] not in self.refused
            steps = OPEN if opens else SHUT
            side = "incoming" if self.kind == "retriever" else "outgoing"
            result = {**me, "steps": [{**step, "side": side} for step in steps], "milliseconds": 1}
            await self.worker.put(f"/worker-jobs/{job['id']}/result", json=result)
