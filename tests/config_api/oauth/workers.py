"""Workers that do connection tests without any server."""

import asyncio
import hashlib
from typing import Any, Self

from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica

OPEN = [{"side": "incoming", "step": "auth", "outcome": "ok"}]
SHUT = [{"side": "incoming", "step": "auth", "outcome": "failed", "detail": "NO AUTHENTICATE failed."}]


class Worker:
    """Does jobs as it is told: aliases in `opening` open; for a token in `refused` it takes another."""

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
            token = access["access_token"]
            if token in self.refused:
                token = await self._another(job, token)
            steps = OPEN if access["user_name"] in self.opening and token is not None else SHUT
            side = "incoming" if self.kind == "retriever" else "outgoing"
            result = {**me, "steps": [{**step, "side": side} for step in steps], "milliseconds": 1}
            await self.worker.put(f"/worker-jobs/{job['id']}/result", json=result)

    async def _another(self, job: dict[str, Any], refused: str) -> str | None:
        digest = hashlib.sha256(refused.encode()).hexdigest()
        body = {"kind": self.kind, "instance": "default", "replica": "one", "refused": digest}
        answer = await self.worker.post(f"/worker-jobs/{job['id']}/access-tokens", json=body)
        return answer.json().get("access_token")
