"""POP3's own: the lock on the mailbox, QUIT as the moment of deletion; against a real Dovecot."""

from typing import Any

import pytest

from retriever.mailbox.port import MailFailure
from tests.retriever.mailbox.boxes import a_mailbox, an_access, everything, user_for
from tests.rig.dovecot import Dovecot
from tests.rig.mails import a_mail
from tests.rig.proxy import FaultProxy


@pytest.fixture
def user(dovecot: Dovecot, request: Any) -> str:
    address = user_for(request)
    dovecot.add_user(address)
    return address


@pytest.mark.rule(128)
async def test_a_mailbox_in_which_another_client_is_logged_in_is_locked(dovecot: Dovecot, user: str) -> None:
    access = an_access("POP3", dovecot.ports.pop3, user_name=user)
    async with a_mailbox(access) as first, a_mailbox(access) as second:
        await first.open()
        with pytest.raises(MailFailure) as failure:
            await second.open()  # Dovecot takes 10 to 12 s to say so

    assert (failure.value.condition, failure.value.reason) == ("lock", "mailbox_locked")
    assert "IN-USE" in failure.value.detail


async def test_waiting_lets_go_of_the_lock_and_finds_new_mail(dovecot: Dovecot, user: str) -> None:
    access = an_access("POP3", dovecot.ports.pop3, user_name=user)
    async with a_mailbox(access) as first, a_mailbox(access) as second:
        assert await first.list(10) == []
        dovecot.deliver(user, a_mail())
        assert await first.list(10) == []
        assert await first.wait(0.01)
        assert len(await second.list(10)) == 1
        await second.close()
        assert [mail.content for mail in await everything(first)] == [a_mail()]


async def test_a_deletion_whose_quit_is_lost_is_not_settled(dovecot: Dovecot, user: str) -> None:
    dovecot.deliver(user, a_mail())
    with FaultProxy(dovecot.ports.pop3) as proxy:
        async with a_mailbox(an_access("POP3", proxy.port, user_name=user), "delete") as box:
            [listed] = await box.list(10)
            proxy.cut_after(len("DELE 1\r\n"), towards="server")
            with pytest.raises(MailFailure) as failure:
                await box.settle([listed.source])
            assert len(dovecot.messages(user)) == 1
            assert await box.settle([listed.source]) == [listed.source]

    assert failure.value.condition == "recoverable"
    assert dovecot.messages(user) == []


async def test_many_small_mails_come_in_one_go_and_leave_in_one_session(dovecot: Dovecot, user: str) -> None:
    for number in range(300):
        dovecot.maildir(user).put(a_mail(number=number))

    with FaultProxy(dovecot.ports.pop3) as proxy:
        async with a_mailbox(an_access("POP3", proxy.port, user_name=user), "delete") as box:
            mails = await everything(box)
            assert len(await box.settle([mail.source for mail in mails])) == 300
        assert proxy.connections == 1

    assert [mail.content for mail in mails] == [a_mail(number=number) for number in range(300)]
    assert dovecot.messages(user) == []


async def test_a_mail_of_another_session_is_known_by_its_uidl(dovecot: Dovecot, user: str) -> None:
    for number in range(3):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access("POP3", dovecot.ports.pop3, user_name=user), "delete") as box:
        listed = await box.list(10)
        await box.settle([listed[0].source])
        # Numbers have moved up by one; UIDLs have not.
        [mail] = await box.fetch([listed[1]])

    assert mail.content == a_mail(number=1)
