"""A replica as the Config API sees one: it beats, asks for its assignment, and reports."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx

_incarnations = count(1)


@dataclass
class Replica:
    """Works on all that it is given, until told otherwise: `holding` follows the answers of its beats."""

    worker: httpx.AsyncClient
    name: str = "one"
    instance: str = "default"
    kind: str = "retriever"
    incarnation: str = field(default_factory=lambda: f"incarnation-{next(_incarnations)}")
    epochs: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def path(self) -> str:
        return f"/{self.kind}-instances/{self.instance}/replicas/{self.name}"

    @property
    def aliases(self) -> set[int]:
        return set(self.epochs)

    async def heartbeat(self, **changes: Any) -> httpx.Response:
        holding = [{"alias_id": alias_id, "epoch": epoch} for alias_id, epoch in self.epochs.items()]
        body = {"incarnation": self.incarnation, "holding": holding, **changes}
        return await self.worker.put(f"{self.path}/heartbeat", json=body)

    async def beat(self, **changes: Any) -> dict[str, Any]:
        """Beat, and go by the answer."""
        answer = await self.heartbeat(**changes)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        self.epochs = {lease["alias_id"]: lease["epoch"] for lease in body["leases"]}
        return body

    async def ask(self, *, etag: str | None = None, wait: float = 0) -> httpx.Response:
        headers = {"If-None-Match": etag} if etag else {}
        return await self.worker.get(f"{self.path}/assignments", params={"wait": wait}, headers=headers)

    async def assigned(self) -> dict[int, dict[str, Any]]:
        answer = await self.ask()
        assert answer.status_code == 200, answer.text
        return {alias["alias_id"]: alias for alias in answer.json()["aliases"]}

    async def report(self, alias_id: int, **told: Any) -> httpx.Response:
        body = {
            "epoch": self.epochs.get(alias_id, 0),
            "attempt_id": f"attempt-{next(_incarnations)}",
            "from": "active",
            "outcome": "failed",
            "condition": "recoverable",
            "reason": "network_problem",
            **told,
        }
        return await self.worker.post(f"/aliases/{alias_id}/status-transitions", json=body)
