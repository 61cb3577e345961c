"""From the queue to the server and back: the whole dispatcher between a fake queue and real SMTP servers."""

import asyncio
from collections.abc import Iterator

import pytest

from dispatcher.schedule import ScheduleOptions
from ece_common.contracts.outbound import OutboundMessage
from tests.dispatcher.builders import a_message, an_access
from tests.dispatcher.conftest import Started
from tests.dispatcher.fakes import FakeQueue
from tests.dispatcher.waiting import until
from tests.rig.ports import free_port
from tests.rig.proxy import FaultProxy
from tests.rig.smtp_script import RecordingSmtp
from tests.rig.tcp_server import Act


@pytest.fixture
def queue(server: RecordingSmtp) -> FakeQueue:
    return FakeQueue({"r1": an_access(server.port)})


@pytest.fixture
def other() -> Iterator[RecordingSmtp]:
    with RecordingSmtp() as started:
        yield started


def many(count: int, *, first: int = 1, route: str = "r1") -> list[OutboundMessage]:
    return [a_message(n, route=route) for n in range(first, first + count)]


@pytest.mark.rule(13, 40, 134)
async def test_a_message_is_marked_then_sent_then_reported(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    await queue.put(a_message(1, to=["a@shop.test"], bcc=["audit@rig.test"]))
    async with running(queue):
        [entry] = await queue.ended(1)

    assert entry.outcomes == ["sending", "judged"]
    assert [each.status for each in entry.last.recipients] == ["sent", "sent"]
    assert entry.last.recipients[0].smtp_reply == "250 2.0.0 Ok: queued"
    [received] = server.accepted
    assert received.recipients == ("a@shop.test", "audit@rig.test")


@pytest.mark.rule(136)
async def test_what_is_handed_out_is_sent_whatever_the_state_of_its_alias(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    """A claim names no alias status: the Retriever's troubles do not reach the Dispatcher."""
    assert "status" not in OutboundMessage.model_fields
    await queue.put(*many(3))
    async with running(queue):
        await queue.ended()

    assert len(server.accepted) == 3


async def test_each_recipient_has_its_own_verdict(server: RecordingSmtp, queue: FakeQueue, running: Started) -> None:
    server.on("rcpt", "550 5.1.1 User unknown", recipient="ghost@shop.test")
    server.on("rcpt", "450 4.2.0 Greylisted, try again in 90 seconds", recipient="grey@shop.test")
    await queue.put(a_message(1, to=["ghost@shop.test", "a@shop.test"], cc=["grey@shop.test"]))
    async with running(queue):
        [entry] = await queue.ended(1)

    assert [(each.status, each.smtp_code, each.enhanced_code) for each in entry.last.recipients] == [
        ("failed", 550, "5.1.1"),
        ("sent", 250, "2.0.0"),
        ("deferred", 450, "4.2.0"),
    ]
    assert entry.last.retry_after_seconds == 90


async def test_attachments_are_fetched_under_the_claim(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.contents[1, 3] = b"%PDF-1.7"
    told = {"n": 3, "name": "invoice.pdf", "content_type": "application/pdf", "size": 8}
    await queue.put(a_message(1, attachments=[told]))
    async with running(queue):
        await queue.ended(1)

    assert b"JVBERi0xLjc=" in server.accepted[0].content


async def test_an_attachment_that_is_gone_is_an_attempt_and_nothing_is_sent(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    await queue.put(a_message(1, attachments=[{"n": 3, "name": "a", "content_type": "a/b", "size": 8}]))
    async with running(queue):
        [entry] = await queue.ended(1)

    assert (entry.outcomes, entry.last.reason) == (["deferred"], "attachment_unavailable")
    assert server.commands == []


async def test_a_message_that_cannot_be_written_fails_and_says_why(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    await queue.put(a_message(1, subject="Hello\r\nBcc: victim@shop.test"))
    async with running(queue):
        [entry] = await queue.ended(1)

    assert (entry.outcomes, entry.last.reason) == (["judged"], "not_composable")
    [verdict] = entry.last.recipients
    assert verdict.status == "failed"
    assert "Subject" in (verdict.smtp_reply or "")
    assert server.received == []


# --- the mark


async def test_a_claim_that_was_lost_is_not_sent(server: RecordingSmtp, queue: FakeQueue, running: Started) -> None:
    queue.lost_claims.add(1)
    await queue.put(a_message(1), a_message(2))
    async with running(queue):
        await queue.ended(2)
        await queue.until(lambda: queue.entries[1].status == "lost")

    assert [message.content.count(b"order 2") for message in server.received] == [1]
    assert queue.entries[1].told == []


async def test_without_the_config_api_nothing_is_sent_and_the_claim_goes_back(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.down_for_outcomes = True
    await queue.put(a_message(1))
    async with running(queue):
        await until(lambda: queue.entries[1].status == "claimed" and server.connections == 1)
        await asyncio.sleep(0.1)
        assert server.received == []
        queue.down_for_outcomes = False
        [entry] = await queue.ended(1)
        assert (entry.outcomes, entry.last.reason) == (["released"], "config_api_unavailable")

        await queue.requeue(1)
        await queue.until(lambda: entry.status == "judged")

    assert len(server.accepted) == 1


async def test_an_outage_of_the_config_api_is_slept_through(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.down = True
    await queue.put(a_message(1))
    async with running(queue):
        await asyncio.sleep(0.1)
        queue.down = False
        await queue.ended(1)

    assert len(server.accepted) == 1


async def test_a_verdict_is_told_until_it_is_taken(server: RecordingSmtp, queue: FakeQueue, running: Started) -> None:
    server.on("content", Act.HANG, times=1)
    await queue.put(a_message(1))
    async with running(queue):
        await until(lambda: len(server.received) == 1)
        queue.down_for_outcomes = True
        server.release()
        await asyncio.sleep(0.5)
        assert queue.entries[1].status == "sending"
        queue.down_for_outcomes = False
        [entry] = await queue.ended(1)

    assert entry.last.recipients[0].status == "sent"
    assert len(server.received) == 1


async def test_many_outcomes_travel_in_few_requests(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.latency = 0.01
    await queue.put(*many(200))
    async with running(queue):
        await queue.ended()

    assert len(server.accepted) == 200
    assert all(entry.outcomes == ["sending", "judged"] for entry in queue.entries.values())
    assert len(queue.requests) < 60


# --- connections that break


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
async def test_lost_before_the_final_dot_is_an_attempt(
    server: RecordingSmtp, queue: FakeQueue, running: Started, step: str
) -> None:
    server.on(step, Act.RESET, times=1)  # pyright: ignore[reportArgumentType]
    # Connections are kept, and one that breaks at MAIL is no attempt: say when it is a new one.
    server.on("ehlo", "250 mx.rig.test")
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)

    if step == "mail":
        assert entry.last.recipients[0].status == "sent"
        assert server.connections == 2
    else:
        assert (entry.last.outcome, entry.last.reason) == ("deferred", "connection_lost")
        assert server.received == []


@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET])
async def test_lost_after_the_final_dot_is_uncertain_and_there_is_one_copy(
    server: RecordingSmtp, queue: FakeQueue, running: Started, act: Act
) -> None:
    server.on("content", act, times=1)
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)
        await queue.put(a_message(2))
        await queue.ended(2)

    assert (entry.outcomes, entry.last.reason) == (["sending", "uncertain"], "no_reply_after_content")
    assert sum(b"order 1" in message.content for message in server.received) == 1


async def test_a_partition_in_the_middle_of_the_body_is_an_attempt(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    with FaultProxy(server.port) as proxy:
        queue.routes["r1"] = an_access(proxy.port)
        proxy.cut_after(300_000, towards="server")
        await queue.put(a_message(1, text="0123456789\n" * 2_000_000))
        async with running(queue):
            [entry] = await queue.ended(1)

    assert (entry.last.outcome, entry.last.reason) == ("deferred", "connection_lost")
    assert server.received == []


# --- routes


@pytest.mark.rule(96)
async def test_a_refused_login_makes_messages_wait_unmarked_and_holds_only_their_route(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    with RecordingSmtp(users={"alice": "right"}) as strict:
        queue.routes["locked"] = an_access(strict.port, server_type="ESMTP", user_name="alice", password="wrong")
        await queue.put(*many(5, route="locked"), *many(5, first=11))
        async with running(queue):
            entries = await queue.ended(1, 2, 3, 4, 5)
            await queue.ended(11, 12, 13, 14, 15)

            assert {(entry.last.outcome, entry.last.reason) for entry in entries} == {
                ("waiting", "authentication_failed")
            }
            assert all(entry.outcomes == ["waiting"] for entry in entries), "nothing was marked"
            assert all(entry.last.retry_after_seconds for entry in entries)
            assert "5.7.8" in (entries[0].last.detail or "")
            assert strict.commands.count("AUTH ...") == 1
            await queue.put(a_message(6, route="locked"), a_message(16))
            await queue.ended(16)
            await until(lambda: "locked" in queue.claims[-1].paused_routes)

        assert strict.received == []
    assert len(server.accepted) == 6


@pytest.mark.rule(95)
async def test_plain_smtp_in_place_of_a_refused_login_is_reported(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.routes["r1"] = an_access(
        server.port, server_type="ESMTP", user_name="alice", password="x", use_smtp="when_authorization_fails"
    )
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)

    assert entry.last.recipients[0].status == "sent"
    assert entry.last.used_smtp_fallback


async def test_a_hung_server_delays_nobody_else(
    server: RecordingSmtp, other: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.routes["hung"] = an_access(other.port)
    other.on("data", Act.HANG)
    await queue.put(*many(300, route="hung"))
    async with running(queue):
        await until(lambda: "DATA" in other.commands)
        await queue.put(*many(50, first=1001))
        await queue.ended(*range(1001, 1051), seconds=4)
        assert not any(queue.entries[n].ended for n in range(1, 300) if "sending" in queue.entries[n].outcomes)
        marked = sum("sending" in entry.outcomes for entry in queue.entries.values() if entry.message.route == "hung")
        assert marked <= 8, "on a route that does not flow, no more is marked than can be sent"
        other.release()

    assert len(server.accepted) == 50


async def test_an_unreachable_server_is_left_alone_for_a_while(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.routes["gone"] = an_access(free_port())
    await queue.put(*many(20, route="gone"), a_message(101))
    async with running(queue) as started:
        entries = await queue.ended()
        [status] = [each for each in started.dispatcher.status()["routes"] if each["route"] == "gone"]

    gone = [entry for entry in entries if entry.message.route == "gone"]
    assert {entry.last.reason for entry in gone} == {"server_unreachable"}
    assert {entry.last.outcome for entry in gone} <= {"deferred", "waiting"}
    assert status["reason"] == "server_unreachable"
    assert status["paused_for_seconds"] > 0
    assert len(server.accepted) == 1


async def test_throttling_makes_the_rest_of_the_route_wait_as_long_as_the_server_says(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    server.on("mail", "421 4.7.0 Too busy, retry in 1 seconds", times=2)
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)
        assert (entry.last.outcome, entry.last.reason) == ("waiting", "throttled")
        assert entry.last.retry_after_seconds == 1

        await queue.requeue(1)
        await queue.until(lambda: len(entry.told) == 2)
        assert (entry.last.outcome, entry.last.reason) == ("waiting", "throttled"), "handed out during the pause"
        assert 0 < (entry.last.retry_after_seconds or 0) <= 1

        await until(lambda: any(claim.paused_routes for claim in queue.claims))
        await until(lambda: not queue.claims[-1].paused_routes)
        await queue.requeue(1)
        await queue.until(lambda: entry.status == "judged")

    assert len(server.accepted) == 1


async def test_new_settings_end_a_pause_that_they_may_mend(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    with RecordingSmtp(users={"alice": "right"}) as strict:
        wrong = an_access(strict.port, server_type="ESMTP", user_name="alice", password="wrong")
        queue.routes["locked"] = wrong
        await queue.put(a_message(1, route="locked"))
        async with running(queue, schedule=ScheduleOptions("default", "one", wait=0.1)):
            [entry] = await queue.ended(1)
            assert entry.last.reason == "authentication_failed"

            queue.routes["locked"] = wrong.model_copy(update={"password": "right"})
            await queue.requeue(1)
            await queue.change_assignment()
            await queue.until(lambda: entry.status == "judged")

        assert len(strict.accepted) == 1
    assert server.received == []


async def test_the_number_of_connections_follows_the_settings(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    queue.maximum_connections = 2
    async with running(queue) as started:
        await until(lambda: started.dispatcher.status()["maximum_connections"] == 2)
        await queue.put(*many(40))
        await queue.ended()

    assert server.connections <= 2


# --- the end


async def test_a_stop_finishes_what_was_begun_and_gives_back_the_rest(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    server.on("content", Act.HANG)
    await queue.put(*many(40))
    async with running(queue) as started:
        await until(lambda: len(server.received) == 8)
        started.stop.set()
        await queue.until(lambda: sum(entry.status == "released" for entry in queue.entries.values()) == 32)
        server.clear()
        server.release()
        await asyncio.wait_for(started.task, 10)

    statuses = sorted(entry.status for entry in queue.entries.values())
    assert statuses == ["judged"] * 8 + ["released"] * 32
    assert queue.beats[-1].leaving


async def test_a_stop_that_takes_too_long_breaks_off_and_tells_what_stands(
    server: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    server.on("rcpt", Act.HANG, recipient="slow@shop.test")
    server.on("content", Act.HANG, recipient="a@shop.test")
    await queue.put(a_message(1, to=["slow@shop.test"]), a_message(2, to=["a@shop.test"]))
    async with running(queue, schedule=ScheduleOptions("default", "one", shutdown_seconds=1.0)) as started:
        await until(lambda: "RCPT TO:<slow@shop.test>" in server.commands and len(server.received) == 1)
        started.stop.set()
        await asyncio.wait_for(started.task, 10)

    assert [queue.entries[n].status for n in (1, 2)] == ["deferred", "uncertain"]


async def test_heartbeats_tell_the_counters(queue: FakeQueue, running: Started) -> None:
    await queue.put(*many(3))
    async with running(queue):
        await queue.ended()

    assert queue.beats[-1].counters["sent"] == 3
    assert queue.beats[0].incarnation == queue.beats[-1].incarnation


async def test_a_config_api_that_answers_every_claim_at_once_is_not_asked_in_a_frenzy(
    queue: FakeQueue, running: Started
) -> None:
    """As one does that is stopping, or a proxy before it: there are no long polls then."""
    queue.waits_for_nobody = True
    loop = asyncio.get_running_loop()
    async with running(queue):
        await queue.until(lambda: len(queue.claims) >= 2)
        begun, before = loop.time(), len(queue.claims)
        await queue.until(lambda: len(queue.claims) >= before + 4)
        assert loop.time() - begun >= 0.5
