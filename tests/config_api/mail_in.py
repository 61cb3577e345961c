"""A retriever that hands in mail: holds an alias under a lease and posts batches as the client library does."""

import hashlib
import json
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from tests.config_api.builders import an_alias

_numbers = count(1)
_BOUNDARY = "b0undary"


@dataclass
class Mail:
    """A mail as a retriever hands it in. `changes` are fields of InboundMessage."""

    original: bytes
    attachments: tuple[bytes, ...]
    changes: dict[str, Any]

    def message(self, offset: int) -> dict[str, Any]:
        number = next(_numbers)
        at = offset + len(self.original)
        attachments: list[dict[str, Any]] = []
        for n, content in enumerate(self.attachments, 1):
            piece = {"offset": at, "size": len(content)}
            attachments.append({"name": f"file{n}.pdf", "content_type": "application/pdf", "content": piece})
            at += len(content)
        return {
            "source": {"uidvalidity": 1, "uid": number, "fingerprint": f"{len(self.original)} x"},
            "content_sha256": hashlib.sha256(self.original).hexdigest(),
            "original": {"offset": offset, "size": len(self.original)},
            "from": "anna@customer.test",
            "from_name": "Anna",
            "to": ["support@shop.test"],
            "subject": f"Question {number}",
            "text": "Where is my order?",
            "message_id": f"<question-{number}@customer.test>",
            "attachments": attachments,
            **self.changes,
        }

    @property
    def contents(self) -> bytes:
        return self.original + b"".join(self.attachments)


def a_mail(content: bytes | None = None, *, attachments: tuple[bytes, ...] = (), **changes: Any) -> Mail:
    """`from_` stands for `from`; the key is new unless `source` is given."""
    if "from_" in changes:
        changes["from"] = changes.pop("from_")
    return Mail(content if content is not None else f"mail {next(_numbers)}".encode(), attachments, changes)


def lying_at(uid: int, uidvalidity: int = 1, fingerprint: str = "f") -> dict[str, Any]:
    return {"folder": "inbox", "uidvalidity": uidvalidity, "uid": uid, "fingerprint": fingerprint}


def multipart(batch: bytes, contents: bytes) -> tuple[bytes, dict[str, str]]:
    body = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="batch"; filename="batch.json"\r\n'
        "Content-Type: application/json\r\n\r\n"
    ).encode() + batch
    body += (
        f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="contents"; filename="contents"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + contents
    body += f"\r\n--{_BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


@dataclass
class Mailbox:
    """An alias and the lease on it."""

    worker: httpx.AsyncClient
    alias: dict[str, Any]
    epoch: int
    generation: int = 1

    @property
    def id(self) -> int:
        return self.alias["id"]

    def batch(self, *mails: Mail, **fields: Any) -> tuple[dict[str, Any], bytes]:
        contents = b""
        messages: list[dict[str, Any]] = []
        for mail in mails:
            messages.append(mail.message(len(contents)))
            contents += mail.contents
        body = {
            "alias_id": self.id,
            "epoch": self.epoch,
            "mailbox_generation": self.generation,
            "messages": messages,
        }
        return {**body, **fields}, contents

    async def post(self, batch: dict[str, Any], contents: bytes = b"") -> httpx.Response:
        body, headers = multipart(json.dumps(batch).encode(), contents)
        return await self.worker.post("/inbound-messages", content=body, headers=headers)

    async def hand_in(self, *mails: Mail, **fields: Any) -> list[dict[str, Any]]:
        answer = await self.post(*self.batch(*mails, **fields))
        assert answer.status_code == 200, answer.text
        return answer.json()["results"]

    async def activity_of(self, mail: Mail) -> int:
        """Hands it in and tells the activity's id."""
        (result,) = await self.hand_in(mail)
        assert result["outcome"] == "stored", result
        return result["activity_id"]

    async def settle(self, *sources: dict[str, Any]) -> None:
        await self.hand_in(settled=list(sources))


async def a_mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient, **changes: Any) -> Mailbox:
    """A new alias of the default retriever instance, leased to the replica `r1`."""
    alias = await an_alias(admin, retriever_instance="default", **changes)
    return Mailbox(worker, alias, await lease(worker, alias["id"]))


async def lease(worker: httpx.AsyncClient, alias_id: int, replica: str = "r1", incarnation: str = "first-one") -> int:
    """The epoch under which the replica holds the alias after a heartbeat."""
    path = f"/retriever-instances/default/replicas/{replica}/heartbeat"
    answer = await worker.put(path, json={"incarnation": incarnation, "holding": []})
    assert answer.status_code == 200, answer.text
    (held,) = [one for one in answer.json()["leases"] if one["alias_id"] == alias_id]
    return held["epoch"]
