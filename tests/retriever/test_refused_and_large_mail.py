"""Mail that cannot go the usual way: refused, empty, too large. It never holds up the rest."""

import pytest

from ece_common.errors import Transient
from retriever.pipeline import drain
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import (
    FakeMailbox,
    FakeServer,
    an_email,
    some_settings,
)
from tests.retriever.work import some_work


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
