"""Processes that die, freeze or lose each other: nothing is lost, nothing comes twice."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.e2e.builders import a_mailbox, an_address, an_alias, imap, pop3, smtp
from tests.e2e.conftest import MakeSuite
from tests.e2e.suite import Json, Suite
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.mails import a_mail, message_id
from tests.rig.ports import free_port
from tests.rig.proxy import FaultProxy
from tests.rig.smtp_script import RecordingSmtp
from tests.rig.tcp_server import Act

NOBODY_LISTENS = smtp(free_port())


@pytest.fixture
def own_dovecot() -> Iterator[Dovecot]:
    """A server that a test may stop."""
    with Dovecot(DovecotOptions()) as server:
        yield server


def _inbound(suite: Suite, alias: Json) -> list[str]:
    return [str(one["message_id"]) for one in suite.activities(alias_id=alias["id"], direction="inbound")]


def _told_as_settled(suite: Suite) -> int:
    """Mails of which the Config API knows that they left their mailbox."""

    async def count() -> int:
        connection = await asyncpg.connect(suite.database_url, ssl=False)
        try:
            return await connection.fetchval("SELECT count(*) FROM inbound_ledger WHERE settled")
        finally:
            await connection.close()

    return asyncio.run(count())


def _holder(suite: Suite, kind: str = "retriever") -> dict[str, int]:
    """Replica -> how many aliases it works on."""
    (instance,) = [one for one in suite.get(f"/{kind}-instances")["items"] if one["name"] == "default"]
    return {one["name"]: one["aliases"] for one in instance["replicas"] if one["live"]}


@pytest.mark.parametrize("protocol", [imap, pop3])
def test_a_retriever_killed_between_submit_and_settle_loses_nothing_and_stores_once(
    make_suite: MakeSuite, dovecot: Dovecot, protocol: type
) -> None:
    suite = make_suite(ECE_LEASE_SECONDS="5")
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support = a_mailbox(dovecot)
    with FaultProxy(suite.config_api.port) as proxy:
        alias = an_alias(suite, suite.department(), support, protocol(dovecot, support), NOBODY_LISTENS)
        first = suite.worker("retriever", "first", url=f"http://127.0.0.1:{proxy.port}").start()
        suite.wait_for(lambda: _holder(suite) == {"first": 1}, "the lease")
        suite.wait_for(lambda: "connected" in str(first.status()), "the mailbox to be opened")
        # The answer to the submit is cut off on its way: committed there, unknown here.
        proxy.cut_after(1, towards="client", once=False)
        dovecot.deliver(support, a_mail(to=support))
        suite.wait_for(lambda: len(_inbound(suite, alias)) == 1, "the commit")
        first.kill()
    assert len(dovecot.messages(support)) == 1
    suite.worker("retriever", "second").start()
    suite.wait_for(lambda: dovecot.messages(support) == [], "the second replica to settle")
    assert _inbound(suite, alias) == [message_id(1)]


def test_when_one_of_two_replicas_dies_the_other_takes_its_mailboxes(make_suite: MakeSuite, dovecot: Dovecot) -> None:
    suite = make_suite(ECE_LEASE_SECONDS="2")
    suite.patch("/settings", {"poll_interval_seconds": 1})
    department = suite.department()
    boxes = [a_mailbox(dovecot) for _ in range(4)]
    aliases = [an_alias(suite, department, box, imap(dovecot, box), NOBODY_LISTENS) for box in boxes]
    first, _second = suite.worker("retriever", "first").start(), suite.worker("retriever", "second").start()
    suite.wait_for(lambda: _holder(suite) == {"first": 2, "second": 2}, "an even share")
    first.kill()
    for number, box in enumerate(boxes, start=1):
        dovecot.deliver(box, a_mail(number=number, to=box))
    suite.wait_for(lambda: all(len(_inbound(suite, alias)) == 1 for alias in aliases), "every mailbox's mail")
    assert _holder(suite) == {"second": 4}


def test_a_replica_that_stops_in_order_gives_its_mailboxes_back_at_once(
    make_suite: MakeSuite, dovecot: Dovecot
) -> None:
    suite = make_suite(ECE_LEASE_SECONDS="600")
    support = a_mailbox(dovecot)
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), NOBODY_LISTENS)
    first = suite.worker("retriever", "first").start()
    suite.wait_for(lambda: _holder(suite) == {"first": 1}, "the lease")
    suite.worker("retriever", "second").start()
    first.stop()
    dovecot.deliver(support, a_mail(to=support))
    suite.wait_for(lambda: _inbound(suite, alias) == [message_id(1)], "the mail, by the second replica")
    assert _holder(suite) == {"second": 1}


def test_a_replica_paused_past_its_lease_spoils_nothing_when_it_wakes(
    make_suite: MakeSuite, dovecot: Dovecot
) -> None:
    suite = make_suite(ECE_LEASE_SECONDS="2")
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support = a_mailbox(dovecot)
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), NOBODY_LISTENS)
    first = suite.worker("retriever", "first").start()
    suite.wait_for(lambda: _holder(suite) == {"first": 1}, "the lease")
    second = suite.worker("retriever", "second").start()
    dovecot.deliver(support, a_mail(number=1, to=support))
    suite.wait_for(lambda: len(_inbound(suite, alias)) == 1, "the first mail")

    first.freeze()
    dovecot.deliver(support, a_mail(number=2, to=support))
    suite.wait_for(lambda: len(_inbound(suite, alias)) == 2, "the mail after the hand-over")
    assert _holder(suite) == {"second": 1}
    dovecot.deliver(support, a_mail(number=3, to=support))
    first.thaw()
    suite.wait_for(lambda: len(_inbound(suite, alias)) == 3, "the mail after the waking")
    suite.wait_for(lambda: dovecot.messages(support) == [], "everything to be settled")
    second.stop()
    dovecot.deliver(support, a_mail(number=4, to=support))
    suite.wait_for(lambda: len(_inbound(suite, alias)) == 4, "the woken replica to work under a new lease")
    assert _inbound(suite, alias) == [message_id(number) for number in (1, 2, 3, 4)]


def test_another_mailbox_under_the_same_uidvalidity_and_uids_holds_new_mail(
    suite: Suite, own_dovecot: Dovecot
) -> None:
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support = a_mailbox(own_dovecot)
    own_dovecot.number_from(support, 1000)
    own_dovecot.deliver(support, a_mail(number=1, to=support))
    alias = an_alias(
        suite, suite.department(), support, imap(own_dovecot, support), NOBODY_LISTENS, after_retrieval="keep"
    )
    suite.worker("retriever", "first").start()
    suite.wait_for(lambda: _inbound(suite, alias) == [message_id(1)], "the first mail")
    own_dovecot.crash()
    own_dovecot.clear(support)
    own_dovecot.number_from(support, 1000)
    own_dovecot.deliver(support, a_mail("attachment", number=2, to=support))
    own_dovecot.start()
    suite.wait_for(lambda: _inbound(suite, alias) == [message_id(1), message_id(2)], "the other mailbox's mail")


def test_a_pop3_server_killed_in_the_middle_of_a_session_costs_nothing_but_the_time_it_is_away(
    suite: Suite, own_dovecot: Dovecot
) -> None:
    """Every process of it dies by SIGKILL after the commit and before QUIT, so nothing was deleted there."""
    suite.patch("/settings", {"poll_interval_seconds": 1, "retry_after_seconds": 2})
    support = a_mailbox(own_dovecot)
    for number in (1, 2, 3):
        own_dovecot.deliver(support, a_mail(number=number, to=support))
    with FaultProxy(suite.config_api.port) as proxy:
        alias = an_alias(suite, suite.department(), support, pop3(own_dovecot, support), NOBODY_LISTENS)
        suite.worker("retriever", "first", url=f"http://127.0.0.1:{proxy.port}").start()
        suite.wait_for(lambda: _holder(suite) == {"first": 1}, "the lease")
        suite.wait_for(lambda: len(_inbound(suite, alias)) == 3, "the mails of the first sessions")
        suite.wait_for(lambda: own_dovecot.messages(support) == [], "their deletion")
        # Said by itself, and before anything else as long as nobody answers.
        suite.wait_for(lambda: _told_as_settled(suite) == 3, "the report of their deletion")
        # The answer to the submit is lost: committed there, and the session is kept until somebody answers.
        proxy.cut_after(1, towards="client", once=False)
        own_dovecot.deliver(support, a_mail(number=4, to=support))
        suite.wait_for(lambda: len(_inbound(suite, alias)) == 4, "the commit")
        own_dovecot.crash()
        assert len(own_dovecot.messages(support)) == 1
        proxy.mend()
        own_dovecot.deliver(support, a_mail(number=5, to=support))
        own_dovecot.start()
        suite.wait_for(lambda: own_dovecot.messages(support) == [], "the alias to go on by itself")
    assert _inbound(suite, alias) == [message_id(number) for number in (1, 2, 3, 4, 5)]
    assert suite.get(f"/aliases/{alias['id']}")["status"] == "active"


def test_while_the_config_api_is_away_mail_waits_on_the_server_and_then_comes_in(
    make_suite: MakeSuite, dovecot: Dovecot
) -> None:
    suite = make_suite(ECE_LEASE_SECONDS="2")
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support = a_mailbox(dovecot)
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), NOBODY_LISTENS)
    retriever = suite.worker("retriever", "first").start()
    suite.wait_for(lambda: _holder(suite) == {"first": 1}, "the lease")
    suite.config_api.kill()
    for number in (1, 2, 3):
        dovecot.deliver(support, a_mail(number=number, to=support))
    # Away for longer than a lease, as seen by the worker itself.
    suite.wait_for(lambda: not retriever.ready(), "the worker to notice")
    suite.config_api.start()
    suite.wait_for(lambda: len(_inbound(suite, alias)) == 3, "what waited")
    suite.wait_for(lambda: dovecot.messages(support) == [], "the mailbox to be emptied")
    assert sorted(_inbound(suite, alias)) == [message_id(number) for number in (1, 2, 3)]
    assert suite.get(f"/aliases/{alias['id']}")["status"] == "active"


def _queue_one(suite: Suite, dovecot: Dovecot, port: int) -> Json:
    support = a_mailbox(dovecot)
    department = suite.department()
    an_alias(suite, department, support, imap(dovecot, support), smtp(port), default_alias=True)
    body = {"to": [an_address("anna")], "subject": "News", "text": "Once and no more."}
    return suite.post(f"/departments/{department}/activities", body)


def _delivery(suite: Suite, activity: Json) -> Json:
    return suite.get(f"/activities/{activity['id']}/delivery")


@pytest.mark.parametrize("step", ["data", "content"])
def test_a_dispatcher_killed_around_the_final_dot_leaves_the_delivery_uncertain(
    make_suite: MakeSuite, dovecot: Dovecot, step: str
) -> None:
    """Nobody knows whether the server took it, so nobody sends it again until a person says so."""
    suite = make_suite(ECE_CLAIM_SECONDS="2")
    with RecordingSmtp() as server:
        server.on("data" if step == "data" else "content", Act.HANG)
        activity = _queue_one(suite, dovecot, server.port)
        first = suite.worker("dispatcher", "first").start()
        suite.wait_for(lambda: any(line.upper().startswith("DATA") for line in server.commands), "DATA")
        first.kill()
        server.clear()
        suite.worker("dispatcher", "second").start()
        suite.wait_for(lambda: _delivery(suite, activity)["status"] == "uncertain", "the delivery to be uncertain")
        assert server.accepted == []
        suite.post(f"/activities/{activity['id']}/delivery/retry", expect=200)
        suite.wait_for(lambda: _delivery(suite, activity)["status"] == "sent", "the resend that a person asked for")
        assert len(server.accepted) == 1


def test_a_dispatcher_killed_before_it_began_to_send_is_replaced(make_suite: MakeSuite, dovecot: Dovecot) -> None:
    suite = make_suite(ECE_CLAIM_SECONDS="2")
    with RecordingSmtp() as server:
        server.on("ehlo", Act.HANG)
        activity = _queue_one(suite, dovecot, server.port)
        first = suite.worker("dispatcher", "first").start()
        suite.wait_for(lambda: any(line.upper().startswith("EHLO") for line in server.commands), "EHLO")
        first.kill()
        server.clear()
        suite.worker("dispatcher", "second").start()
        suite.wait_for(lambda: _delivery(suite, activity)["status"] == "sent", "the second dispatcher to send it")
        assert len(server.accepted) == 1


def test_a_connection_lost_after_the_final_dot_is_not_sent_again(make_suite: MakeSuite, dovecot: Dovecot) -> None:
    suite = make_suite()
    with RecordingSmtp() as server:
        server.on("content", Act.CLOSE, times=1)
        activity = _queue_one(suite, dovecot, server.port)
        suite.worker("dispatcher", "first").start()
        suite.wait_for(lambda: _delivery(suite, activity)["status"] == "uncertain", "the delivery to be uncertain")
        assert len(server.received) == 1


def test_the_outbound_queue_survives_the_config_api(make_suite: MakeSuite, dovecot: Dovecot) -> None:
    """Killed while a message is on its way: the verdict is kept by the dispatcher and told when it returns."""
    suite = make_suite()
    with RecordingSmtp() as server:
        server.on("content", Act.HANG, times=1)
        activity = _queue_one(suite, dovecot, server.port)
        suite.worker("dispatcher", "first").start()
        suite.wait_for(lambda: any(line.upper().startswith("DATA") for line in server.commands), "DATA")
        suite.config_api.kill()
        server.release()
        suite.config_api.start()
        suite.wait_for(lambda: _delivery(suite, activity)["status"] == "sent", "the late verdict")
        assert len(server.received) == 1
