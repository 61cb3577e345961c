"""The main job, told step by step: a mail comes in by an alias, is answered, and the answer goes out."""

import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from email.utils import make_msgid
from typing import Any

import httpx

from deploy.demo.mailserver import Mailbox
from deploy.demo.ports import wait_until

Json = dict[str, Any]


@dataclass(slots=True)
class Teller:
    """Prints each step with the time since the first."""

    started: float

    def say(self, step: str, what: str) -> None:
        print(f"{time.monotonic() - self.started:7.3f} s  {step:<10} {what}", flush=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """Who and what the story is about."""

    api: httpx.Client
    support: Mailbox
    customer: Mailbox
    smtp_port: int
    alive: Callable[[], None]


def _post(scene: Scene, path: str, body: Json) -> Json:
    response = scene.api.post(f"/v1{path}", json=body)
    if response.is_error:
        raise RuntimeError(f"POST {path}: {response.status_code} {response.text}")
    answer: Json = response.json()
    return answer


def _set_up(scene: Scene, teller: Teller) -> Json:
    department = _post(scene, "/departments", {"name": "Customer care"})
    teller.say("department", f"{department['name']!r} is department {department['id']}")
    alias = _post(
        scene,
        f"/departments/{department['id']}/aliases",
        {
            "name": "Support",
            "email_address": scene.support.address,
            "default_alias": True,
            "retriever_instance": "default",
            "incoming": {
                "server_type": "IMAP",
                "server_name": "127.0.0.1",
                "port": scene.support.port,
                "use_ssl": False,
                "user_name": scene.support.address,
                "password": scene.support.password,
            },
            "outgoing": {"server_type": "SMTP", "server_name": "127.0.0.1", "port": scene.smtp_port},
        },
    )
    teller.say("alias", f"{alias['email_address']} is alias {alias['id']}, {alias['status']}")
    return alias


def _customer_writes(scene: Scene, teller: Teller) -> str:
    mail = EmailMessage()
    mail["From"] = f"Ada Customer <{scene.customer.address}>"
    mail["To"] = scene.support.address
    mail["Subject"] = "My order has not arrived"
    mail["Message-ID"] = make_msgid(domain="customer.test")
    mail.set_content("Hello,\n\nwhere is my order 4711?\n\nAda\n")
    with smtplib.SMTP("127.0.0.1", scene.smtp_port, timeout=10) as server:
        server.send_message(mail)
    teller.say("mail in", f"{scene.customer.address} wrote {mail['Message-ID']}")
    return str(mail["Message-ID"])


def _arrived(scene: Scene, alias: Json, message_id: str) -> Json | None:
    found = scene.api.get("/v1/activities", params={"alias_id": alias["id"]}).raise_for_status().json()["items"]
    return next((one for one in found if one["message_id"] == message_id), None)


def _wait_for(what: str, look: Callable[[], Json | None], alive: Callable[[], None]) -> Json:
    found: list[Json] = []

    def seen() -> bool:
        one = look()
        if one is not None:
            found.append(one)
        return one is not None

    wait_until(what, seen, alive)
    return found[0]


def _in_the_customers_mailbox(scene: Scene, message_id: str) -> Json | None:
    for content in scene.customer.messages():
        mail = BytesParser(policy=default).parsebytes(content)
        if mail["In-Reply-To"] == message_id:
            body = mail.get_body(("plain",))
            text = str(body.get_content()) if body is not None else ""
            return {"message_id": mail["Message-ID"], "subject": mail["Subject"], "from": mail["From"], "text": text}
    return None


def _delivered(scene: Scene, reply: Json) -> Json | None:
    delivery: Json = scene.api.get(f"/v1/activities/{reply['id']}/delivery").raise_for_status().json()
    return delivery if delivery["status"] == "sent" else None


def tell(scene: Scene) -> bool:
    """True when the answer was found in the customer's mailbox, as an answer to the mail that was sent."""
    teller = Teller(time.monotonic())
    alias = _set_up(scene, teller)
    message_id = _customer_writes(scene, teller)
    activity = _wait_for("the activity", lambda: _arrived(scene, alias, message_id), scene.alive)
    teller.say("activity", f"activity {activity['id']} in queue {activity['queue_id']}: {activity['subject']!r}")
    reply = _post(scene, f"/activities/{activity['id']}/replies", {"text": "Dear Ada,\n\nit arrives tomorrow.\n"})
    teller.say("reply", f"activity {reply['id']} answers activity {reply['parent_id']} as {reply['from']}")
    answer = _wait_for("the answer", lambda: _in_the_customers_mailbox(scene, message_id), scene.alive)
    teller.say("mail out", f"{scene.customer.address} has {answer['message_id']}: {answer['subject']!r}")
    delivery = _wait_for("the delivery", lambda: _delivered(scene, reply), scene.alive)
    for recipient in delivery["recipients"]:
        teller.say("delivery", f"{recipient['address']}: {recipient['smtp_reply']}")
    return "it arrives tomorrow" in answer["text"] and not scene.support.messages()
