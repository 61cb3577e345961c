"""The inbound journey of one alias: nothing lost, nothing twice, whatever breaks on the way."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from ece_common.contracts.inbound import Source
from ece_common.contracts.instances import RetrieverSettings
from ece_common.errors import StaleEpoch, Transient
from retriever.mailbox.port import Listed, MailFailure, Settlement
from retriever.pipeline import FETCH_BYTES, LeaseLapsed, Work, batches, drain, tell_settled
from retriever.tallies import Tallies
from tests.retriever.fakes import (
    START,
    FakeConfigApi,
    FakeMailbox,
    FakeServer,
    an_assigned_alias,
    an_email,
    some_settings,
)


def some_work(
    mailbox: FakeMailbox,
    api: FakeConfigApi,
    *,
    settings: RetrieverSettings | None = None,
    halted: Callable[[], bool] = lambda: False,
    in_force: Callable[[], bool] = lambda: True,
    after_retrieval: str = "delete",
) -> Work:
    return Work(
        alias=an_assigned_alias(after_retrieval=after_retrieval),
        mailbox=mailbox,
        intake=api,
        settings=lambda: settings or some_settings(),
        now=lambda: START,
        halted=halted,
        in_force=in_force,
        tallies=Tallies(CollectorRegistry()),
    )


def many(count: int) -> FakeServer:
    return FakeServer(*(an_email(f"Mail {number}") for number in range(count)))


@pytest.mark.rule(12, 39, 46)
async def test_mail_on_the_server_is_parsed_stored_and_then_deleted() -> None:
    server, api = FakeServer(an_email("First"), an_email("Second", body="How much?")), FakeConfigApi()

    await drain(some_work(FakeMailbox(server), api))

    assert api.subjects == ["First", "Second"]
    second = api.stored[1]
    assert (second.from_, second.from_name, second.to) == ("ann@example.com", "Ann", ["support@shop.test"])
    assert (second.text, second.received_at) == ("How much?\n", START)
    assert api.originals == [an_email("First"), an_email("Second", body="How much?")]
    assert server.mails == {}


async def test_what_was_settled_is_told_to_the_ledger() -> None:
    server, api = many(25), FakeConfigApi()

    await drain(some_work(FakeMailbox(server), api))

    assert sorted(source.uid or 0 for source in api.settled) == list(range(1, 26))


async def test_batches_are_as_large_as_the_setting_says() -> None:
    api = FakeConfigApi()

    await drain(some_work(FakeMailbox(many(25)), api, settings=some_settings(retriever_batch_size=10)))

    assert [size for size in api.batches if size] == [10, 10, 5]


def test_a_batch_is_bounded_in_bytes_and_a_larger_mail_goes_alone() -> None:
    sizes = [FETCH_BYTES // 2, FETCH_BYTES // 2, 1, FETCH_BYTES + 1, 1, 50_000_000, 1]
    listed = [Listed(Source(uid=number), size) for number, size in enumerate(sizes)]

    found = list(batches(listed, some_settings(maximum_email_size=40_000_000, retriever_batch_size=50)))

    assert [[mail.source.uid for mail in batch] for batch in found] == [[0, 1], [2], [3], [4], [5], [6]]


async def test_more_mail_than_one_window_lists_is_drained_too() -> None:
    server, api = many(1203), FakeConfigApi()

    await drain(some_work(FakeMailbox(server), api, settings=some_settings(retriever_batch_size=250)))

    assert (len(api.stored), server.mails) == (1203, {})


async def test_the_next_batch_is_fetched_while_the_one_before_is_submitted_and_no_more() -> None:
    server, api = many(50), FakeConfigApi(hold=asyncio.Event())
    mailbox = FakeMailbox(server)
    draining = asyncio.create_task(drain(some_work(mailbox, api)))
    for _ in range(200):
        await asyncio.sleep(0)

    assert len(mailbox.fetched) == 20
    assert server.mails.keys() == set(range(1, 51)), "nothing is settled before it is committed"

    assert api.hold is not None
    api.hold.set()
    await draining
    assert (api.most_submitting, len(api.stored)) == (1, 50)


class NotingMailbox(FakeMailbox):
    """Notes how many batches are with the Config API while it settles one."""

    def __init__(self, server: FakeServer, api: FakeConfigApi) -> None:
        super().__init__(server)
        self.api = api
        self.submitting: list[int] = []

    async def settle(self, sources: Sequence[Source]) -> list[Source]:
        settled = await super().settle(sources)
        self.submitting.append(self.api.submitting)
        return settled


async def test_a_batch_is_settled_while_the_next_one_is_submitted() -> None:
    server, api = many(30), FakeConfigApi()
    mailbox = NotingMailbox(server, api)

    await drain(some_work(mailbox, api))

    assert (len(api.stored), server.mails) == (30, {})
    assert mailbox.submitting == [1, 1, 0], "the Config API need not wait for the mail server"


async def test_a_crash_between_submit_and_settle_stores_nothing_twice() -> None:
    server, api = many(5), FakeConfigApi()
    crashing = FakeMailbox(server)
    crashing.fail_next_settle = True
    with pytest.raises(MailFailure):
        await drain(some_work(crashing, api))
    assert (len(api.stored), len(server.mails)) == (5, 5)

    await drain(some_work(FakeMailbox(server), api))

    assert (len(api.stored), len(server.mails)) == (5, 0)


async def test_a_lost_answer_stores_nothing_twice() -> None:
    server, api = many(5), FakeConfigApi(answers_lost=1)
    work = some_work(FakeMailbox(server), api)
    with pytest.raises(Transient):
        await drain(work)
    assert len(server.mails) == 5, "not settled: nobody said that it is committed"

    await drain(work)

    assert (len(api.stored), len(server.mails)) == (5, 0)


async def test_the_same_number_under_another_uidvalidity_is_another_mail() -> None:
    api = FakeConfigApi()
    await drain(some_work(FakeMailbox(FakeServer(an_email("Old"), uidvalidity=1)), api))
    await drain(some_work(FakeMailbox(FakeServer(an_email("New"), uidvalidity=2)), api))

    assert api.subjects == ["Old", "New"]


async def test_while_the_config_api_is_away_mail_stays_on_the_server() -> None:
    server, api = many(3), FakeConfigApi(down=True)
    work = some_work(FakeMailbox(server), api)
    with pytest.raises(Transient):
        await drain(work)
    assert len(server.mails) == 3

    api.down = False
    await drain(work)

    assert (len(api.stored), server.mails) == (3, {})


async def test_a_refused_batch_is_halved_and_the_culprit_stored_unparsed_with_its_original() -> None:
    server = FakeServer(*(an_email("Poison" if number == 6 else f"Mail {number}") for number in range(10)))
    api = FakeConfigApi(refuses=b"Poison")

    await drain(some_work(FakeMailbox(server), api))

    (culprit,) = [message for message in api.stored if message.subtype == "unparsed"]
    assert culprit.unparsed_reason is not None
    assert "not to our liking" in culprit.unparsed_reason
    assert api.originals[api.stored.index(culprit)] == an_email("Poison")
    assert (len(api.stored), server.mails) == (10, {})


async def test_a_single_refused_mail_of_an_accepted_batch_is_stored_unparsed() -> None:
    server = FakeServer(an_email("One"), an_email("Poison"), an_email("Three"))
    api = FakeConfigApi(refuses_item=b"Poison")

    await drain(some_work(FakeMailbox(server), api))

    assert [message.subtype for message in api.stored] == ["email", "email", "unparsed"]
    assert server.mails == {}


async def test_a_mail_that_is_refused_even_unparsed_stays_on_the_server_and_blocks_nobody() -> None:
    server = FakeServer(an_email("One"), an_email("Poison"), an_email("Three"))
    api = FakeConfigApi(refuses_original=b"Poison")
    work = some_work(FakeMailbox(server), api)

    await drain(work)
    server.deliver(an_email("Four"))
    await drain(work)

    assert sorted(api.subjects) == ["Four", "One", "Three"]
    assert list(server.mails.values()) == [an_email("Poison")]
    assert work.tallies.totals["refused"] == 1


async def test_an_empty_mail_is_stored_unparsed() -> None:
    server, api = FakeServer(b"\r\n", an_email("Next")), FakeConfigApi()

    await drain(some_work(FakeMailbox(server), api))

    assert [(message.subtype, message.unparsed_reason) for message in api.stored] == [
        ("unparsed", "the message is empty"),
        ("email", None),
    ]


async def test_large_mail_is_reported_and_left_without_being_downloaded() -> None:
    server, api = FakeServer(an_email("Huge", body="x" * 2_000_000), an_email("Small")), FakeConfigApi()
    mailbox = FakeMailbox(server)
    work = some_work(mailbox, api)

    await drain(work)
    await drain(work)

    (large,) = api.large
    assert (large.subject, large.from_, large.action) == ("Huge", "ann@example.com", "skip_and_notify")
    assert large.size > 2_000_000
    assert (mailbox.fetched, list(server.mails), api.subjects) == ([2], [1], ["Small"])


async def test_large_mail_is_deleted_after_it_was_reported_when_the_setting_says_so() -> None:
    server, api = FakeServer(an_email("Huge", body="x" * 2_000_000)), FakeConfigApi(down=True)
    work = some_work(FakeMailbox(server), api, settings=some_settings(action_for_large_email="delete_and_notify"))
    with pytest.raises(Transient):
        await drain(work)
    assert len(server.mails) == 1

    api.down = False
    await drain(work)

    assert ([mail.action for mail in api.large], server.mails) == (["delete_and_notify"], {})


async def test_a_large_body_becomes_an_attachment_and_a_note_takes_its_place() -> None:
    server, api = FakeServer(an_email("Long", body="word " * 30_000)), FakeConfigApi()

    await drain(some_work(FakeMailbox(server), api))

    (message,) = api.stored
    assert message.text == "The body was too large."
    assert [file.name for file in message.attachments] == ["body.txt"]
    assert message.attachments[0].content.size == 150_001


async def test_mail_that_stays_on_the_server_is_downloaded_once_even_by_another_connection() -> None:
    server, api = many(3), FakeConfigApi()
    await drain(some_work(FakeMailbox(server, Settlement("keep")), api, after_retrieval="keep"))
    server.deliver(an_email("Later"))
    later = FakeMailbox(server, Settlement("keep"))

    await drain(some_work(later, api, after_retrieval="keep"))

    assert (later.fetched, len(api.stored), len(server.mails)) == ([4], 4, 4)
    assert api.settled == [], "kept mail is not gone from the server"


async def test_a_stale_epoch_ends_the_work_at_once_and_settles_nothing() -> None:
    server, api = many(30), FakeConfigApi(epoch=4)

    with pytest.raises(StaleEpoch):
        await drain(some_work(FakeMailbox(server), api))

    assert (len(server.mails), api.stored) == (30, [])


async def test_a_lease_that_ran_out_here_lets_nothing_be_submitted_until_it_is_renewed() -> None:
    server, api = many(3), FakeConfigApi()
    in_force = [False]
    work = some_work(FakeMailbox(server), api, in_force=lambda: in_force[0])
    with pytest.raises(LeaseLapsed):
        await drain(work)
    assert (api.batches, len(server.mails)) == ([], 3)

    in_force[0] = True
    await drain(work)

    assert (len(api.stored), server.mails) == (3, {})


async def test_halted_work_settles_what_was_committed_and_begins_nothing_new() -> None:
    server, api = many(30), FakeConfigApi(hold=asyncio.Event())
    halted = [False]
    work = some_work(FakeMailbox(server), api, halted=lambda: halted[0])
    draining = asyncio.create_task(drain(work))
    for _ in range(200):
        await asyncio.sleep(0)
    halted[0] = True
    assert api.hold is not None
    api.hold.set()

    await draining

    assert (len(api.stored), len(server.mails)) == (10, 20)
    assert len(api.settled) == 10


async def test_a_cancelled_drain_waits_for_the_commit_under_way_and_loses_nothing() -> None:
    server, api = many(5), FakeConfigApi(hold=asyncio.Event())
    draining = asyncio.create_task(drain(some_work(FakeMailbox(server), api)))
    for _ in range(100):
        await asyncio.sleep(0)
    draining.cancel()
    assert api.hold is not None
    api.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert (len(api.stored), len(server.mails)) == (5, 5)

    api.hold = None
    await drain(some_work(FakeMailbox(server), api))

    assert (len(api.stored), server.mails) == (5, {})


async def test_settled_mail_is_told_under_the_old_epoch_too() -> None:
    api = FakeConfigApi(epoch=9)
    work = some_work(FakeMailbox(FakeServer()), api)
    work.unreported = [Source(uid=1), Source(uid=2)]

    await tell_settled(work)

    assert ([source.uid for source in api.settled], work.unreported) == ([1, 2], [])
