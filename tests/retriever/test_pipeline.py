"""The inbound journey of one alias: nothing lost, nothing twice, whatever breaks on the way."""

import asyncio
from collections.abc import Sequence

import pytest

from ece_common.contracts.inbound import Source
from ece_common.errors import StaleEpoch, Transient
from retriever.batching import FETCH_BYTES, batches
from retriever.intake import LeaseLapsed
from retriever.mailbox.port import Listed, MailFailure, RawMail, Settlement
from retriever.pipeline import drain, tell_settled
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import (
    START,
    FakeMailbox,
    FakeServer,
    an_email,
    some_settings,
    until,
)
from tests.retriever.work import many, some_work


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
    """Notes how many mails it settles at a time, and how many batches are with the Config API meanwhile."""

    def __init__(self, server: FakeServer, api: FakeConfigApi) -> None:
        super().__init__(server)
        self.api = api
        self.settled: list[int] = []
        self.submitting: list[int] = []
        self.lease_lost_after: int | None = None

    async def fetch(self, wanted: Sequence[Listed]) -> list[RawMail]:
        if len(self.fetched) == self.lease_lost_after:
            await until(lambda: len(self.api.stored) == self.lease_lost_after)
            self.api.epoch += 1
        return await super().fetch(wanted)

    async def settle(self, sources: Sequence[Source]) -> list[Source]:
        settled = await super().settle(sources)
        self.settled.append(len(settled))
        self.submitting.append(self.api.submitting)
        return settled


async def test_mails_are_settled_some_hundreds_at_a_time_while_the_next_batch_is_submitted() -> None:
    server, api = many(700), FakeConfigApi()
    mailbox = NotingMailbox(server, api)

    await drain(some_work(mailbox, api, settings=some_settings(retriever_batch_size=100)))

    assert (len(api.stored), server.mails) == (700, {})
    assert mailbox.settled == [300, 200, 200]
    assert mailbox.submitting == [1, 0, 0], "the Config API need not wait for the mail server"


async def test_what_was_committed_before_a_refusal_is_settled() -> None:
    server, api = many(30), FakeConfigApi()
    mailbox = NotingMailbox(server, api)
    mailbox.lease_lost_after = 20

    with pytest.raises(StaleEpoch):
        await drain(some_work(mailbox, api))

    assert (len(api.stored), sorted(server.mails)) == (20, list(range(21, 31)))


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
