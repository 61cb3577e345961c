"""Mail comes in: stored once whatever is repeated, refused one by one, placed and threaded."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx
import pytest

from tests.config_api.builders import fields_of
from tests.config_api.mail_in import Mailbox, a_mail, a_mailbox, lease, lying_at, multipart
from tests.config_api.process import Clock, running
from tests.config_api.waiting import until


async def _count(sql: asyncpg.Connection, table: str = "activities") -> int:
    return await sql.fetchval(f"SELECT count(*) FROM {table}") or 0


@pytest.mark.rule(13, 46)
async def test_a_mail_becomes_an_activity_of_its_alias(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    mail = a_mail(
        b"Subject: hi\r\n\r\nbytes",
        attachments=(b"%PDF one", b"%PDF two"),
        to=["support@shop.test"],
        cc=["boss@customer.test"],
        headers=[{"name": "X-One", "value": "1"}],
        evidence={"auto_submitted": "no"},
        policy_version="v7",
        html="<p>Where?</p>",
        subject="Where is it?",
    )
    activity = (await admin.get(f"/activities/{await mailbox.activity_of(mail)}")).json()
    assert activity["alias_id"] == mailbox.id
    assert activity["department_id"] == mailbox.alias["department_id"]
    assert (activity["direction"], activity["subtype"], activity["status"]) == ("inbound", "email", "new")
    assert (activity["from"], activity["from_name"]) == ("anna@customer.test", "Anna")
    assert activity["cc"] == ["boss@customer.test"]
    assert activity["headers"] == [{"name": "X-One", "value": "1"}]
    assert activity["evidence"] == {"auto_submitted": "no"}
    assert activity["policy_version"] == "v7"
    assert (activity["text"], activity["html"]) == ("Where is my order?", "<p>Where?</p>")
    assert [(one["n"], one["name"], one["size"], one["state"]) for one in activity["attachments"]] == [
        (1, "file1.pdf", 8, "available"),
        (2, "file2.pdf", 8, "available"),
    ]
    second = await admin.get(f"/activities/{activity['id']}/attachments/2/content")
    assert second.content == b"%PDF two"
    assert (await admin.get(f"/activities/{activity['id']}/original")).content == b"Subject: hi\r\n\r\nbytes"


async def test_a_batch_that_is_repeated_stores_nothing_again(mailbox: Mailbox, sql: asyncpg.Connection) -> None:
    batch, contents = mailbox.batch(*(a_mail(attachments=(b"x",)) for _ in range(5)))
    first = (await mailbox.post(batch, contents)).json()["results"]
    again = (await mailbox.post(batch, contents)).json()["results"]
    assert [one["outcome"] for one in first] == ["stored"] * 5
    assert [one["outcome"] for one in again] == ["duplicate"] * 5
    assert [one["activity_id"] for one in again] == [one["activity_id"] for one in first]
    assert await _count(sql) == 5
    assert await _count(sql, "events WHERE type = 'activity.created'") == 5


async def test_equal_batches_at_once_over_two_processes_store_each_mail_once(
    mailbox: Mailbox, database: str, clock: Clock, sql: asyncpg.Connection
) -> None:
    batch, contents = mailbox.batch(*(a_mail() for _ in range(20)))
    backwards = {**batch, "messages": batch["messages"][::-1]}
    async with running(database, clock) as other:
        twin = Mailbox(other.worker, mailbox.alias, mailbox.epoch)
        posts = [(mailbox, batch), (twin, backwards)] * 3
        answers = await asyncio.gather(*(one.post(handed_in, contents) for one, handed_in in posts))
    assert [answer.status_code for answer in answers] == [200] * 6
    stored = [one for answer in answers for one in answer.json()["results"] if one["outcome"] == "stored"]
    assert len(stored) == 20
    assert await _count(sql) == 20


async def test_the_same_mail_twice_in_one_batch_is_stored_once(mailbox: Mailbox) -> None:
    mail = a_mail(b"same", source=lying_at(1))
    first, second = await mailbox.hand_in(mail, mail)
    assert (first["outcome"], second["outcome"]) == ("stored", "duplicate")
    assert first["activity_id"] == second["activity_id"]


async def test_equal_bytes_under_another_uid_are_another_mail(mailbox: Mailbox, sql: asyncpg.Connection) -> None:
    await mailbox.hand_in(a_mail(b"same", source=lying_at(1)), a_mail(b"same", source=lying_at(2)))
    assert await _count(sql) == 2


async def test_other_bytes_under_a_known_uid_are_a_new_mail(mailbox: Mailbox, sql: asyncpg.Connection) -> None:
    await mailbox.hand_in(a_mail(b"one", source=lying_at(1)))
    (result,) = await mailbox.hand_in(a_mail(b"two", source=lying_at(1)))
    assert result["outcome"] == "stored"
    assert await _count(sql) == 2


async def test_a_uidl_is_a_key_of_its_own(mailbox: Mailbox) -> None:
    mail = a_mail(b"one", source={"uidl": "abc"})
    await mailbox.hand_in(mail)
    (again,) = await mailbox.hand_in(mail)
    assert again["outcome"] == "duplicate"


async def test_after_a_new_uidvalidity_unsettled_mail_is_known_by_its_bytes(
    mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    old = await mailbox.activity_of(a_mail(b"stays", source=lying_at(7, uidvalidity=1)))
    (moved,) = await mailbox.hand_in(a_mail(b"stays", source=lying_at(1, uidvalidity=2)))
    assert (moved["outcome"], moved["activity_id"]) == ("duplicate", old)
    (again,) = await mailbox.hand_in(a_mail(b"stays", source=lying_at(1, uidvalidity=2)))
    assert (again["outcome"], again["activity_id"]) == ("duplicate", old)
    assert await _count(sql, "inbound_ledger") == 1


async def test_two_equal_mails_are_still_two_after_a_new_uidvalidity(
    mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    await mailbox.hand_in(a_mail(b"same", source=lying_at(1)))
    results = await mailbox.hand_in(
        a_mail(b"same", source=lying_at(8, uidvalidity=2)), a_mail(b"same", source=lying_at(9, uidvalidity=2))
    )
    assert sorted(one["outcome"] for one in results) == ["duplicate", "stored"]
    assert await _count(sql) == 2


async def test_settled_mail_is_not_mistaken_for_an_equal_one_that_comes_later(mailbox: Mailbox) -> None:
    await mailbox.hand_in(a_mail(b"same", source=lying_at(1)))
    await mailbox.settle(lying_at(1))
    (result,) = await mailbox.hand_in(a_mail(b"same", source=lying_at(1, uidvalidity=2)))
    assert result["outcome"] == "stored"


async def test_a_former_holder_may_settle_but_hand_in_nothing(
    mailbox: Mailbox, worker: httpx.AsyncClient, sql: asyncpg.Connection
) -> None:
    await mailbox.hand_in(a_mail(b"one", source=lying_at(1)))
    assert await lease(worker, mailbox.id, incarnation="second-one") > mailbox.epoch
    refused = await mailbox.post(*mailbox.batch(a_mail(b"two", source=lying_at(2))))
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_epoch")
    mixed = await mailbox.post(*mailbox.batch(a_mail(b"two", source=lying_at(2)), settled=[lying_at(1)]))
    assert mixed.json()["code"] == "stale_epoch"
    await mailbox.settle(lying_at(1))
    assert await sql.fetchval("SELECT settled FROM inbound_ledger")
    assert await _count(sql) == 1


async def test_another_generation_of_the_mailbox_is_refused(mailbox: Mailbox) -> None:
    mailbox.generation = 2
    refused = await mailbox.post(*mailbox.batch(a_mail()))
    assert (refused.status_code, refused.json()["code"]) == (409, "stale_generation")


async def test_one_mail_that_cannot_be_stored_does_not_hold_up_the_others(
    mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    results = await mailbox.hand_in(
        a_mail(subject="fine"),
        a_mail(text="a NUL \x00 in it"),
        a_mail(headers=[{"name": "X", "value": "half a pair \ud83d"}]),
        a_mail(source={"uidvalidity": 1, "uid": 2**63}),
        a_mail(source={"folder": "inbox"}),
        a_mail(received_at="0001-01-01T00:00:00+14:00"),
        a_mail(subject="fine too"),
    )
    outcomes = [one["outcome"] for one in results]
    assert outcomes == ["stored", "refused", "refused", "refused", "refused", "refused", "stored"]
    assert [one["index"] for one in results] == list(range(7))
    assert all(one["reason"] for one in results if one["outcome"] == "refused")
    assert await _count(sql) == 2


_MALFORMED: list[tuple[dict[str, Any], str]] = [
    ({"unknown": 1}, "batch.unknown"),
    ({"epoch": "x"}, "batch.epoch"),
    ({"alias_id": 0}, "batch.alias_id"),
    ({"alias_id": 2**63}, "batch.alias_id"),
    ({"messages": [{}]}, "batch.messages.0.source"),
    ({"messages": 5}, "batch.messages"),
    ({"settled": [{"folder": "half \ud800"}]}, "batch.settled.0.folder"),
]


async def test_a_malformed_batch_is_refused_by_the_name_of_its_field(
    mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    batch, contents = mailbox.batch(a_mail())
    for change, field in _MALFORMED:
        assert field in fields_of(await mailbox.post({**batch, **change}, contents))
    assert await _count(sql) == 0


async def test_a_slice_outside_the_contents_is_refused(mailbox: Mailbox, sql: asyncpg.Connection) -> None:
    batch, contents = mailbox.batch(a_mail(), a_mail(attachments=(b"x",)))
    outside = {"offset": len(contents), "size": 1}
    first, second = batch["messages"]
    attachment = {**second["attachments"][0], "content": outside}
    with_attachment = {**batch, "messages": [first, {**second, "attachments": [attachment]}]}
    with_original = {**batch, "messages": [first, {**second, "original": outside}]}
    assert fields_of(await mailbox.post(with_attachment, contents)) == ["batch.messages.1.attachments.0.content"]
    assert fields_of(await mailbox.post(with_original, contents)) == ["batch.messages.1.original"]
    assert await _count(sql) == 0


async def test_a_broken_form_is_refused_by_name(mailbox: Mailbox, worker: httpx.AsyncClient) -> None:
    batch, contents = mailbox.batch(a_mail())
    body, headers = multipart(json.dumps(batch).encode(), contents)

    async def post(content: bytes, content_type: str = headers["Content-Type"]) -> list[str]:
        return fields_of(
            await worker.post("/inbound-messages", content=content, headers={"Content-Type": content_type})
        )

    assert await post(body, "application/json") == ["header.content-type"]
    assert await post(body, "multipart/form-data; boundary=other") == ["body"]
    assert await post(body[:-8]) == ["body"]
    assert await post(body.replace(b'name="batch"', b'name="other"')) == ["body"]
    assert await post(body.replace(b'name="contents"', b'name="batch"')) == ["batch"]
    assert await post(multipart(b"not json", b"")[0]) == ["batch"]
    assert await post(multipart(b"\xff\xfe\xfd", b"")[0]) == ["batch"]
    assert await post(multipart(b"[" * 5000, b"")[0]) == ["batch"]


async def test_contents_may_hold_anything_even_a_boundary_of_another_form(mailbox: Mailbox) -> None:
    original = b"\r\n--other\r\nContent-Disposition: form-data; name=batch\r\n\r\n\x00\xff--b0undar"
    activity = await mailbox.activity_of(a_mail(original))
    assert activity > 0


async def test_mail_of_an_unknown_alias_or_without_a_token_is_refused(
    mailbox: Mailbox, admin: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    batch, contents = mailbox.batch(a_mail())
    assert (await mailbox.post({**batch, "alias_id": 999_999}, contents)).status_code == 409
    body, headers = multipart(b"{}", b"")
    assert (await api.post("/inbound-messages", content=body, headers=headers)).status_code == 401
    assert (await admin.post("/inbound-messages", content=body, headers=headers)).status_code == 403


async def test_what_could_not_be_parsed_is_stored_sealed_and_waits_apart(
    admin: httpx.AsyncClient, mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    activity = await mailbox.activity_of(
        a_mail(b"card 4111 1111", subtype="unparsed", unparsed_reason="no header at all", text=None)
    )
    shown = (await admin.get(f"/activities/{activity}")).json()
    assert (shown["subtype"], shown["unparsed_reason"]) == ("unparsed", "no header at all")
    assert (await admin.get(f"/queues/{shown['queue_id']}")).json()["is_exception"]
    stored = await sql.fetchval("SELECT content FROM originals WHERE activity_id = $1", activity)
    assert stored is not None
    assert b"4111" not in stored
    assert (await admin.get(f"/activities/{activity}/original")).content == b"card 4111 1111"
    audited = (await admin.get("/audit-log", params={"action": "activity.original_read"})).json()["items"]
    assert [one["subject"] for one in audited] == [f"activity/{activity}"]


async def test_delivery_reports_go_to_the_exception_queue(admin: httpx.AsyncClient, mailbox: Mailbox) -> None:
    subtypes = ("email", "auto_reply", "email_permanent_undeliverable", "email_temporary_undeliverable")
    results = await mailbox.hand_in(*(a_mail(subtype=subtype) for subtype in subtypes))
    placed = [(await admin.get(f"/activities/{one['activity_id']}")).json()["queue_id"] for one in results]
    queues = (await admin.get(f"/departments/{mailbox.alias['department_id']}/queues")).json()["items"]
    names = {queue["id"]: queue["name"] for queue in queues}
    assert [names[id_] for id_ in placed] == ["Default", "Default", "Exception", "Exception"]


async def test_a_mail_is_threaded_by_in_reply_to_then_by_the_newest_reference(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    ids = [
        await mailbox.activity_of(a_mail(message_id="<1@c.test>")),
        await mailbox.activity_of(a_mail(message_id="<2@c.test>")),
        await mailbox.activity_of(a_mail(in_reply_to="<1@c.test>", references=["<2@c.test>"])),
        await mailbox.activity_of(a_mail(in_reply_to="<gone@c.test>", references=["<1@c.test>", "<2@c.test>"])),
        await mailbox.activity_of(a_mail(references=["<gone@c.test>"])),
    ]
    parents = [(await admin.get(f"/activities/{id_}")).json()["parent_id"] for id_ in ids]
    assert parents == [None, None, ids[0], ids[1], None]


async def test_a_mail_answers_an_earlier_one_of_the_same_batch_but_never_itself(
    admin: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    first, second = await mailbox.hand_in(
        a_mail(message_id="<a@c.test>", in_reply_to="<a@c.test>"),
        a_mail(message_id="<b@c.test>", in_reply_to="<a@c.test>"),
    )
    assert (await admin.get(f"/activities/{first['activity_id']}")).json()["parent_id"] is None
    assert (await admin.get(f"/activities/{second['activity_id']}")).json()["parent_id"] == first["activity_id"]


async def test_no_mail_reaches_the_thread_of_another_department(
    admin: httpx.AsyncClient, worker: httpx.AsyncClient, mailbox: Mailbox
) -> None:
    await mailbox.hand_in(a_mail(message_id="<secret@c.test>"))
    other = await a_mailbox(admin, worker)
    activity = await other.activity_of(a_mail(in_reply_to="<secret@c.test>"))
    assert (await admin.get(f"/activities/{activity}")).json()["parent_id"] is None


async def test_message_ids_longer_than_an_index_takes_are_stored(mailbox: Mailbox) -> None:
    long = "<" + "\U0001f600" * 990 + "@c.test>"
    (result,) = await mailbox.hand_in(a_mail(message_id=long, from_="\U0001f600" * 999))
    assert result["outcome"] == "stored"


async def test_large_mail_is_told_of_once(
    admin: httpx.AsyncClient, mailbox: Mailbox, sql: asyncpg.Connection
) -> None:
    large = {
        "source": lying_at(5),
        "size": 99_000_000,
        "action": "skip_and_notify",
        "from": "a@c.test",
        "subject": "Video \x00",
    }
    assert await mailbox.hand_in(large=[large]) == []
    assert await mailbox.hand_in(large=[large]) == []
    assert await _count(sql) == 0
    events = (await admin.get("/events")).json()["items"]
    (told,) = [one for one in events if one["type"] == "alias.large_email"]
    assert told["subject"] == f"alias/{mailbox.id}"
    assert told["data"]["size"] == 99_000_000


async def test_the_ledger_tells_what_it_knows_by_key_and_fingerprint(
    mailbox: Mailbox, worker: httpx.AsyncClient
) -> None:
    await mailbox.hand_in(a_mail(source=lying_at(1)), a_mail(source={"uidl": "u1", "fingerprint": "g"}))
    sources = [
        lying_at(1),
        lying_at(1, fingerprint="changed"),
        lying_at(2),
        {"uidl": "u1", "fingerprint": "g"},
        {"uidl": "u2"},
        {"folder": "no key"},
        {"uidl": "nul \x00"},
    ]
    query = {"alias_id": mailbox.id, "epoch": mailbox.epoch, "mailbox_generation": 1, "sources": sources}
    answer = await worker.post("/inbound-messages/known", json=query)
    assert answer.json() == {"known": [0, 3]}
    stale = await worker.post("/inbound-messages/known", json={**query, "epoch": mailbox.epoch + 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_epoch")


async def test_a_body_over_the_limit_is_refused(mailbox: Mailbox, database: str, clock: Clock) -> None:
    async with running(database, clock, maximum_batch=1024 * 1024) as small:
        answer = await Mailbox(small.worker, mailbox.alias, mailbox.epoch).post(
            *mailbox.batch(a_mail(b"x" * 1_100_000))
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_mail_may_be_larger_than_what_others_may_send(mailbox: Mailbox, database: str, clock: Clock) -> None:
    async with running(database, clock, maximum_body=1024 * 1024) as small:
        answer = await Mailbox(small.worker, mailbox.alias, mailbox.epoch).post(
            *mailbox.batch(a_mail(b"x" * 1_100_000))
        )
    assert answer.json()["results"][0]["outcome"] == "stored"


async def test_a_crash_before_the_commit_leaves_nothing_behind(mailbox: Mailbox, sql: asyncpg.Connection) -> None:
    """The connection dies in the middle of the transaction: the retry is as if nothing had been."""
    batch, contents = mailbox.batch(a_mail(), a_mail())
    async with sql.transaction():
        # Holds up the COPY of the activities, after the ledger was written.
        await sql.execute("LOCK TABLE activities IN ACCESS EXCLUSIVE MODE")
        post = asyncio.create_task(mailbox.post(batch, contents))
        held_up = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

        async def is_held_up() -> bool:
            return await sql.fetchval(held_up) is not None

        await until(is_held_up)
        await sql.execute(f"SELECT pg_terminate_backend(pid) FROM ({held_up}) AS found")
        broken = await post
    assert (broken.status_code, broken.json()["code"]) == (503, "unavailable")
    assert await _count(sql, "inbound_ledger") == 0
    again = await mailbox.post(batch, contents)
    assert [one["outcome"] for one in again.json()["results"]] == ["stored", "stored"]
