"""A master key that was removed too early costs the mailboxes sealed with it, and no other one."""

import asyncpg
import httpx

from tests.config_api.builders import ESMTP, an_alias
from tests.config_api.process import ConfigApi
from tests.config_api.replicas import Replica


async def test_a_mailbox_whose_password_no_key_opens_holds_up_none_of_the_others(
    config_api: ConfigApi, admin: httpx.AsyncClient, worker: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    broken = await an_alias(admin, retriever_instance="default")
    fine = await an_alias(admin, retriever_instance="default")
    await sql.execute("UPDATE aliases SET incoming_password = 'rubbish' WHERE id = $1", broken["id"])
    counted = config_api.app.state.registry.get_sample_value("ece_config_api_secrets_unopened_total")
    replica = Replica(worker)
    await replica.beat()
    assert set(await replica.assigned()) == {fine["id"]}
    # An operator hears of it, not only whoever reads the log.
    assert (config_api.app.state.registry.get_sample_value("ece_config_api_secrets_unopened_total") or 0) > counted
    shown = await admin.get(f"/aliases/{broken['id']}")
    assert (shown.json()["status"], shown.json()["status_reason"]) == ("active", "secret_unreadable")
    listed = await admin.get(f"/departments/{fine['department_id']}/aliases")
    assert [one["status_reason"] for one in listed.json()["items"] if one["id"] == fine["id"]] == [None]
    again = {"incoming": {"password": "given anew"}}
    mended = await admin.patch(f"/aliases/{broken['id']}", json=again)
    assert (mended.status_code, mended.json()["status_reason"]) == (200, None)
    assert set(await replica.assigned()) == {broken["id"], fine["id"]}


async def test_a_report_is_counted_although_the_outgoing_password_cannot_be_read(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    alias = await an_alias(admin, retriever_instance="default", outgoing=ESMTP)
    await sql.execute("UPDATE aliases SET outgoing_password = 'rubbish' WHERE id = $1", alias["id"])
    replica = Replica(worker)
    await replica.beat()
    answers = [await replica.report(alias["id"], detail="LOGIN incoming secret refused") for _ in range(3)]
    assert [one.status_code for one in answers] == [200] * 3
    assert answers[-1].json()["transition"]["detail"] == "LOGIN *** refused"
