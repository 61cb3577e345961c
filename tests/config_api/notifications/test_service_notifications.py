"""Service notifications: each change of status by the system is one mail, whoever tells it, and however often."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from config_api.notifications.telling import Teller
from config_api.notifications.wording import notice
from tests.config_api.builders import an_alias
from tests.config_api.outbound.conftest import Dispatcher, judged, the_delivery
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica
from tests.config_api.waiting import until

ADDRESSES = {"notification_to_address": "postmaster@shop.test", "notification_from_address": "gateway@shop.test"}


@pytest.fixture
async def teller(config_api: ConfigApi) -> Teller:
    """Begun before anything happens, as a service that runs."""
    state = config_api.app.state
    teller = Teller(state.sessions, state.hooks, state.vault, state.clock)
    await teller.tell()
    return teller


async def _set(admin: httpx.AsyncClient, **settings: Any) -> None:
    assert (await admin.patch("/settings", json=settings)).status_code == 200


async def _failed(config_api: ConfigApi, **report: Any) -> int:
    """An alias that three failures made inactive."""
    alias = await an_alias(config_api.admin, retriever_instance="default")
    replica = Replica(config_api.worker)
    await replica.beat()
    for _ in range(3):
        assert (await replica.report(alias["id"], **report)).status_code == 200
    return alias["id"]


async def _mails(admin: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed = (await admin.get("/activities", params={"direction": "outbound"})).json()["items"]
    return [(await admin.get(f"/activities/{one['id']}")).json() for one in listed]


async def _told(teller: Teller, admin: httpx.AsyncClient, count: int = 1) -> list[dict[str, Any]]:
    async def looked() -> bool:
        await teller.tell()
        return len(await _mails(admin)) >= count

    await until(looked)
    return await _mails(admin)


async def test_an_alias_that_became_inactive_is_told_with_the_servers_words_and_what_to_do(
    config_api: ConfigApi, teller: Teller
) -> None:
    await _set(config_api.admin, **ADDRESSES)
    await _failed(
        config_api, condition="manual", reason="authentication_failed", detail="NO [AUTHENTICATIONFAILED] Wrong."
    )
    (mail,) = await _told(teller, config_api.admin)
    assert (mail["from"], mail["to"], mail["department_id"]) == ("gateway@shop.test", ["postmaster@shop.test"], None)
    assert "inactive: authentication_failed" in mail["subject"]
    assert "NO [AUTHENTICATIONFAILED] Wrong." in mail["text"]
    assert "Set the user name and password again" in mail["text"]


async def test_several_processes_tell_it_once(config_api: ConfigApi, teller: Teller) -> None:
    await _set(config_api.admin, **ADDRESSES)
    await _failed(config_api)
    await _told(teller, config_api.admin)
    await asyncio.gather(*(teller.tell() for _ in range(5)))
    assert len(await _mails(config_api.admin)) == 1


async def test_it_goes_out_by_the_default_server_with_the_empty_sender(config_api: ConfigApi, teller: Teller) -> None:
    await _set(config_api.admin, **ADDRESSES, default_smtp_server="smtp.shop.test")
    await _failed(config_api)
    (mail,) = await _told(teller, config_api.admin)
    dispatcher = Dispatcher(config_api.worker)
    asked = await dispatcher.ask()
    (claimed,) = asked["claims"]
    assert claimed["activity_id"] == mail["id"]
    assert claimed["envelope_from"] == ""
    assert asked["routes"][claimed["route"]]["server_name"] == "smtp.shop.test"
    assert await dispatcher.report(judged(claimed, "sent")) == [("accepted", None)]
    assert (await the_delivery(config_api.admin, mail["id"]))["status"] == "sent"


async def test_another_instance_gets_none_of_it(config_api: ConfigApi, teller: Teller) -> None:
    await _set(config_api.admin, **ADDRESSES, default_smtp_server="smtp.shop.test")
    made = await config_api.admin.post("/dispatcher-instances", json={"name": "second"})
    assert made.status_code == 201
    await _failed(config_api)
    await _told(teller, config_api.admin)
    assert await Dispatcher(config_api.worker, instance="second").claim() == []


async def test_without_a_default_server_its_delivery_says_what_is_missing(
    config_api: ConfigApi, teller: Teller
) -> None:
    await _set(config_api.admin, **ADDRESSES)
    await _failed(config_api)
    (mail,) = await _told(teller, config_api.admin)
    await Dispatcher(config_api.worker).claim()
    delivery = await the_delivery(config_api.admin, mail["id"])
    assert delivery["status"] == "failed"
    assert "default_smtp_server" in delivery["last_error"]


async def test_what_an_administrator_did_is_not_told_to_the_administrator(
    config_api: ConfigApi, teller: Teller
) -> None:
    await _set(config_api.admin, **ADDRESSES)
    alias = await an_alias(config_api.admin)
    assert (await config_api.admin.patch(f"/aliases/{alias['id']}", json={"status": "inactive"})).status_code == 200
    await _failed(config_api)
    (mail,) = await _told(teller, config_api.admin)
    assert alias["name"] not in mail["subject"]


async def test_many_at_once_are_one_mail_that_tells_each(config_api: ConfigApi, teller: Teller) -> None:
    failed = [await _failed(config_api) for _ in range(7)]
    await _set(config_api.admin, **ADDRESSES)
    # Nobody was to be told when they failed, unless nobody has looked since.
    again = [await _failed(config_api) for _ in range(7)]
    mails = await _told(teller, config_api.admin)
    text = "\n".join(mail["text"] for mail in mails)
    assert all(text.count(f"(alias/{id_})") == 1 for id_ in again)
    assert all(text.count(f"(alias/{id_})") <= 1 for id_ in failed)


async def test_without_addresses_nobody_is_told_and_nothing_piles_up(config_api: ConfigApi, teller: Teller) -> None:
    await _failed(config_api)
    assert await teller.tell() == 0
    await _set(config_api.admin, **ADDRESSES)
    assert await teller.tell() == 0
    assert await _mails(config_api.admin) == []


async def test_mail_of_the_system_cannot_be_answered(config_api: ConfigApi, teller: Teller) -> None:
    await _set(config_api.admin, **ADDRESSES)
    await _failed(config_api)
    (mail,) = await _told(teller, config_api.admin)
    answer = await config_api.admin.post(f"/activities/{mail['id']}/replies", json={"text": "Thanks"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_alias")


async def test_who_looked_before_another_process_told_more_does_not_go_back(
    teller: Teller, sql: asyncpg.Connection
) -> None:
    told = await sql.fetchval("UPDATE notified SET xid = feed_horizon() + 1000 RETURNING xid")
    await teller.tell()
    assert await sql.fetchval("SELECT xid FROM notified") == told


def _told_of(**changes: Any) -> str:
    data = {"name": "Support", "changed_by": "system", "to": "inactive", "reason": "authentication_failed", **changes}
    mail = notice("alias.status_changed", "alias/7", data)
    assert mail is not None
    return mail.text


def test_of_an_accounts_alias_nobody_is_asked_for_a_password() -> None:
    own, accounts = _told_of(account_id=None), _told_of(account_id=3)
    assert "Set the user name and password again" in own
    assert "Answers are still sent." in own
    assert "password" not in accounts
    assert "`ece accounts set 3 --code`" in accounts
    assert "Answers are still sent" not in accounts


def test_who_is_retrieved_again_is_told_why_it_was_not() -> None:
    assert "because of: server_stopped." in _told_of(to="active", reason="connected", reason_before="server_stopped")
    assert "inactive" not in _told_of(to="active", reason="connected", reason_before=None)
