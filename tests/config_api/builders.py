"""What tests begin with: a department, an alias, an instance. Each call states only what matters to the test."""

from itertools import count
from typing import Any

import httpx

_numbers = count(1)


def alias_body(**changes: Any) -> dict[str, Any]:
    """The body of a new POP3 and SMTP alias; `incoming` and `outgoing` are merged, null takes a field away."""
    number = next(_numbers)
    body: dict[str, Any] = {
        "name": f"Support {number}",
        "email_address": f"support{number}@shop.test",
        "incoming": {
            "server_name": "mail.shop.test",
            "user_name": f"support{number}",
            "password": "incoming secret",
        },
        "outgoing": {"server_name": "smtp.shop.test"},
    }
    for name, value in changes.items():
        merged = {**body[name], **value} if name in ("incoming", "outgoing") else value
        body[name] = merged
    return {name: value for name, value in body.items() if value is not None}


IMAP = {"server_type": "IMAP"}
ESMTP = {"server_type": "ESMTP", "user_name": "support", "password": "outgoing secret"}


async def a_department(admin: httpx.AsyncClient, name: str | None = None) -> int:
    made = await admin.post("/departments", json={"name": name or f"Department {next(_numbers)}"})
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def an_alias(admin: httpx.AsyncClient, department_id: int | None = None, /, **changes: Any) -> dict[str, Any]:
    """In a department of its own unless one is named."""
    where = department_id if department_id is not None else await a_department(admin)
    made = await admin.post(f"/departments/{where}/aliases", json=alias_body(**changes))
    assert made.status_code == 201, made.text
    return made.json()


def fields_of(answer: httpx.Response) -> list[str]:
    """Which fields a 422 names."""
    assert answer.status_code == 422, answer.text
    return [one["field"] for one in answer.json()["errors"]]
