"""A mailbox with a mail to answer, and a dispatcher that claims and reports."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox

Json = dict[str, Any]


@dataclass
class Dispatcher:
    """One replica of a dispatcher instance."""

    worker: httpx.AsyncClient
    instance: str = "default"
    replica: str = "d1"

    async def ask(self, **fields: Any) -> Json:
        body = {"instance": self.instance, "replica": self.replica, **fields}
        answer = await self.worker.post("/outbound-claims", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def claim(self, **fields: Any) -> list[Json]:
        return (await self.ask(**fields))["claims"]

    async def claim_one(self) -> Json:
        (claimed,) = await self.claim()
        return claimed

    async def report(self, *outcomes: Json) -> list[tuple[str, str | None]]:
        body = {"instance": self.instance, "replica": self.replica, "outcomes": list(outcomes)}
        answer = await self.worker.post("/outbound-outcomes", json=body)
        assert answer.status_code == 200, answer.text
        return [(one["result"], one["reason"]) for one in answer.json()["results"]]


def outcome(claimed: Mapping[str, Any], kind: str, **fields: Any) -> Json:
    return {"activity_id": claimed["activity_id"], "claim_id": claimed["claim_id"], "outcome": kind, **fields}


def judged(claimed: Mapping[str, Any], *statuses: str, **fields: Any) -> Json:
    """One verdict for each pending recipient; a single status counts for all of them."""
    pending = claimed["recipients"]
    each = statuses if len(statuses) > 1 else statuses * len(pending)
    codes = {"sent": 250, "deferred": 451, "failed": 550}
    verdicts = [
        {"position": one["position"], "status": status, "smtp_code": codes[status], "smtp_reply": f"{status} it"}
        for one, status in zip(pending, each, strict=True)
    ]
    return outcome(claimed, "judged", recipients=verdicts, **fields)


@pytest.fixture
def dispatcher(worker: httpx.AsyncClient) -> Dispatcher:
    return Dispatcher(worker)


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker, redirection_email_addresses=["Help@shop.test"])


@pytest.fixture
async def mail(mailbox: Mailbox) -> int:
    """The id of an activity to answer."""
    return await mailbox.activity_of(a_mail(subject="Where is it?", message_id="<q@customer.test>"))


async def a_reply(admin: httpx.AsyncClient, activity_id: int, **fields: Any) -> Json:
    answer = await admin.post(f"/activities/{activity_id}/replies", json={"text": "On its way.", **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def the_delivery(admin: httpx.AsyncClient, activity_id: int) -> Json:
    answer = await admin.get(f"/activities/{activity_id}/delivery")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def events_of(admin: httpx.AsyncClient, prefix: str) -> list[Json]:
    found = (await admin.get("/events", params={"limit": 500})).json()["items"]
    return [one for one in found if one["type"].startswith(prefix)]
