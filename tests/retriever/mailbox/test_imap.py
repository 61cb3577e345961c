"""IMAP's own: flags and folders, UIDVALIDITY, mails that vanish, and news by IDLE; against a real Dovecot."""

import asyncio
import imaplib
from collections.abc import Iterator
from typing import Any

import pytest

from retriever.mailbox.port import MailFailure
from tests.retriever.mailbox.boxes import Redirected, a_mailbox, an_access, everything, until, user_for
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.mails import a_mail
from tests.rig.proxy import FaultProxy


@pytest.fixture
def user(dovecot: Dovecot, request: Any) -> str:
    address = user_for(request)
    dovecot.add_user(address)
    return address


@pytest.fixture
def other(dovecot: Dovecot, user: str) -> Iterator[imaplib.IMAP4]:
    """Another client in the same mailbox."""
    client = imaplib.IMAP4("127.0.0.1", dovecot.ports.imap)
    client.login(user, "secret")
    client.select()
    yield client
    client.logout()


async def test_marking_as_seen_leaves_the_mail_and_lists_it_no_more(dovecot: Dovecot, user: str) -> None:
    for number in range(3):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user), "mark_seen") as box:
        listed = await box.list(10)
        await box.fetch(listed)
        assert dovecot.flags(user) == ["", "", ""]
        await box.settle([listed[1].source])
        left = await box.list(10)

    assert left == [listed[0], listed[2]]
    assert dovecot.flags(user) == ["", "S", ""]


@pytest.mark.parametrize("folder", ["Done", "Erledigt/Übersicht & mehr"])
async def test_moving_makes_the_folder_when_it_is_not_there(dovecot: Dovecot, user: str, folder: str) -> None:
    dovecot.deliver(user, a_mail(number=1))
    dovecot.deliver(user, a_mail(number=2))
    access = an_access("IMAP", dovecot.ports.imap, user_name=user)

    async with a_mailbox(access, "move", move_to=folder) as box:
        listed = await box.list(10)
        await box.settle([listed[0].source])
    async with a_mailbox(access.model_copy(update={"folder": folder})) as box:
        moved = await everything(box)

    assert [mail.content for mail in moved] == [a_mail(number=1)]
    assert dovecot.messages(user) == [a_mail(number=2)]


@pytest.mark.rule(89)
async def test_a_folder_that_is_not_there_is_for_an_administrator(dovecot: Dovecot, user: str) -> None:
    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user, folder="Support")) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("manual", "folder_missing")


async def test_a_mail_others_delete_meanwhile_is_simply_absent(
    dovecot: Dovecot, user: str, other: imaplib.IMAP4
) -> None:
    for number in range(3):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user), "delete") as box:
        listed = await box.list(10)
        other.noop()
        other.store("2", "+FLAGS", r"(\Deleted)")
        other.expunge()
        mails = await box.fetch(listed)
        head = await box.glimpse(listed[1])
        settled = await box.settle([mail.source for mail in listed])

    assert [mail.content for mail in mails] == [a_mail(number=0), a_mail(number=2)]
    assert head == b""
    assert len(settled) == 3
    assert dovecot.messages(user) == []


async def test_what_others_flagged_as_deleted_stays(dovecot: Dovecot, user: str, other: imaplib.IMAP4) -> None:
    for number in range(3):
        dovecot.deliver(user, a_mail(number=number))
    other.noop()
    other.store("1", "+FLAGS", r"(\Deleted)")

    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user), "delete") as box:
        listed = await box.list(10)
        assert [mail.source.uid for mail in listed] == [2, 3]
        await box.settle([listed[0].source])

    assert dovecot.messages(user) == [a_mail(number=0), a_mail(number=2)]


async def test_after_the_folder_was_made_anew_old_uids_settle_nothing(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, a_mail(number=1))
    access = an_access("IMAP", dovecot.ports.imap, user_name=user)
    async with a_mailbox(access, "delete") as box:
        [listed] = await box.list(10)
        await box.close()
        dovecot.number_from(user, uidvalidity=4711)
        assert await box.fetch([listed]) == []
        assert await box.settle([listed.source]) == []
        [anew] = await box.list(10)

    assert anew.source.uidvalidity == 4711
    assert len(dovecot.messages(user)) == 1


async def test_the_internal_date_comes_with_the_mail(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, a_mail())

    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user)) as box:
        [mail] = await everything(box)

    assert mail.received_at is not None
    assert mail.received_at.tzinfo is not None
    assert str(mail.received_at.year) in mail.source.fingerprint


async def test_many_small_mails_come_in_one_go(dovecot: Dovecot, user: str) -> None:
    for number in range(700):
        dovecot.maildir(user).put(a_mail(number=number))

    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user), "delete") as box:
        mails = await everything(box)
        assert len(await box.settle([mail.source for mail in mails])) == 700

    assert [mail.content for mail in mails] == [a_mail(number=number) for number in range(700)]
    assert dovecot.messages(user) == []


# --- news


async def test_idle_wakes_as_soon_as_mail_arrives(dovecot: Dovecot, user: str) -> None:
    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user)) as box:
        await box.list(10)
        assert box.pushes
        waiting = asyncio.create_task(box.wait(30))
        await asyncio.sleep(0)
        dovecot.deliver(user, a_mail())
        async with asyncio.timeout(5):
            assert await waiting
        assert len(await everything(box)) == 1


async def test_mail_that_came_before_the_wait_ends_it_at_once(dovecot: Dovecot, user: str) -> None:
    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user)) as box:
        await box.list(10)
        dovecot.deliver(user, a_mail())
        async with asyncio.timeout(5):
            assert await box.wait(30)


async def test_a_wait_without_news_ends_by_itself(dovecot: Dovecot, user: str) -> None:
    async with a_mailbox(an_access("IMAP", dovecot.ports.imap, user_name=user)) as box:
        await box.list(10)
        assert not await box.wait(0.05)
        assert not await box.wait(0.05)
        assert await box.list(10) == []


async def test_a_cancelled_wait_leaves_the_connection_in_use(dovecot: Dovecot, user: str) -> None:
    with FaultProxy(dovecot.ports.imap) as proxy:
        async with a_mailbox(an_access("IMAP", proxy.port, user_name=user)) as box:
            await box.list(10)
            waiting = asyncio.create_task(box.wait(30))
            before = proxy.bytes_to["server"]
            await until(lambda: proxy.bytes_to["server"] > before)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await box.list(10) == []
        assert proxy.connections == 1


async def test_a_reset_while_idling_wakes_at_once(dovecot: Dovecot, user: str) -> None:
    with FaultProxy(dovecot.ports.imap) as proxy:
        async with a_mailbox(an_access("IMAP", proxy.port, user_name=user)) as box:
            await box.list(10)
            waiting = asyncio.create_task(box.wait(30))
            before = proxy.bytes_to["server"]
            await until(lambda: proxy.bytes_to["server"] > before)
            proxy.reset()
            async with asyncio.timeout(2):
                with pytest.raises(MailFailure) as failure:
                    await waiting
            assert await box.list(10) == []

    assert failure.value.condition == "recoverable"


@pytest.mark.rule(127)
async def test_a_server_that_shuts_down_while_we_idle_is_noticed(certificates: Certificates) -> None:
    with Dovecot(DovecotOptions(certificate=certificates.good)) as server:
        server.add_user("box@rig.test")
        async with a_mailbox(an_access("IMAP", server.ports.imap)) as box:
            await box.list(10)
            waiting = asyncio.create_task(box.wait(30))
            assert not await box_is_idle(waiting)
            server.crash()
            async with asyncio.timeout(5):
                with pytest.raises(MailFailure) as failure:
                    await waiting

    assert (failure.value.condition, failure.value.reason) == ("recoverable", "server_stopped")


async def box_is_idle(waiting: "asyncio.Task[bool]") -> bool:
    """Gives a wait the time to say IDLE; whether it has ended already."""
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    return bool(done)


async def test_a_user_with_too_many_connections_is_tried_again(certificates: Certificates) -> None:
    with Dovecot(DovecotOptions(certificate=certificates.good, max_connections=1)) as server:
        server.add_user("box@rig.test")
        access = an_access("IMAP", server.ports.imap)
        async with a_mailbox(access) as first, a_mailbox(access) as second:
            await first.open()
            with pytest.raises(MailFailure) as failure:
                await second.open()

    assert (failure.value.condition, failure.value.reason) == ("recoverable", "server_refuses")


async def test_a_server_that_wants_tls_before_a_password_gets_tls(certificates: Certificates) -> None:
    options = DovecotOptions(certificate=certificates.good, disable_plaintext_auth=True)
    with Dovecot(options) as server:
        server.add_user("box@rig.test")
        access = an_access("IMAP", server.ports.imap, server_name=server.host)
        async with a_mailbox(access, connect=Redirected()) as box:
            assert await box.list(1) == []
