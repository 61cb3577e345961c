"""What holds for IMAP and POP3 alike, against a real Dovecot."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from ece_common.contracts.aliases import TlsOptions
from retriever.mailbox.port import MailFailure
from tests.retriever.mailbox.boxes import PROTOCOLS, Redirected, a_mailbox, an_access, everything, port_of, user_for
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.mails import KINDS, a_mail
from tests.rig.ports import free_port
from tests.rig.proxy import FaultProxy

pytestmark = pytest.mark.parametrize("kind", PROTOCOLS)

# Dovecot shows NUL as 0x80 over IMAP, so NUL is left to a scripted server.
ODD = (
    b"Subject: caf\xe9 \xff\r\n\r\n.\r\n..dots\r\n.single\r\nFrom here\r\n"
    b"\x01\x7f\x80\xff \t\r\n" + b"x" * 5000 + b"\r\n.\r\n"
)


@pytest.fixture
def user(dovecot: Dovecot, request: Any) -> str:
    address = user_for(request)
    dovecot.add_user(address)
    return address


@pytest.fixture(scope="module")
def impostor(certificates: Certificates) -> Iterator[Dovecot]:
    with Dovecot(DovecotOptions(certificate=certificates.wrong_name)) as server:
        server.add_user("box@rig.test")
        yield server


async def test_every_mail_arrives_byte_for_byte(dovecot: Dovecot, user: str, kind: str) -> None:
    sent = [a_mail(sort, number=number) for number, sort in enumerate(KINDS)] + [ODD]
    for mail in sent:
        dovecot.deliver(user, mail)

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user)) as box:
        mails = await everything(box)

    assert [mail.content for mail in mails] == sent
    assert all(mail.source.fingerprint for mail in mails)


async def test_the_oldest_come_first_and_no_more_than_asked_for(dovecot: Dovecot, user: str, kind: str) -> None:
    for number in range(5):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user)) as box:
        listed = await box.list(2)
        mails = await box.fetch(listed)

    assert [mail.content for mail in mails] == [a_mail(number=0), a_mail(number=1)]
    assert [mail.size for mail in listed] == [len(mail.content) for mail in mails]


async def test_an_empty_mailbox_is_an_empty_list(dovecot: Dovecot, user: str, kind: str) -> None:
    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user)) as box:
        assert await box.list(10) == []
        assert await box.settle([]) == []


async def test_a_settled_mail_is_deleted_and_the_others_stay(dovecot: Dovecot, user: str, kind: str) -> None:
    for number in range(4):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user), "delete") as box:
        listed = await box.list(10)
        done = [listed[0].source, listed[2].source]
        settled = await box.settle(done)
        left = await box.list(10)

    assert settled == done
    assert [mail.source for mail in left] == [listed[1].source, listed[3].source]
    assert dovecot.messages(user) == [a_mail(number=1), a_mail(number=3)]


async def test_settling_a_mail_that_is_gone_already_is_no_trouble(dovecot: Dovecot, user: str, kind: str) -> None:
    dovecot.deliver(user, a_mail())
    access = an_access(kind, port_of(dovecot, kind), user_name=user)

    async with a_mailbox(access, "delete") as box:
        sources = [mail.source for mail in await box.list(10)]
        assert await box.settle(sources) == sources
        assert await box.settle(sources) == sources


async def test_mail_that_is_kept_is_not_listed_again(dovecot: Dovecot, user: str, kind: str) -> None:
    for number in range(4):
        dovecot.deliver(user, a_mail(number=number))

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user), "keep") as box:
        first = await box.list(2)
        await box.settle([mail.source for mail in first])
        second = await box.list(2)
        box.pass_over([second[0].source])
        third = await box.list(10)

    assert len(first + second) == 4
    assert third == second[1:]
    assert len(dovecot.messages(user)) == 4
    assert "S" not in "".join(dovecot.flags(user))


async def test_the_head_of_a_large_mail_is_seen_without_its_body(dovecot: Dovecot, user: str, kind: str) -> None:
    dovecot.deliver(user, a_mail("big"))

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=user)) as box:
        [listed] = await box.list(10)
        head = await box.glimpse(listed)

    assert b"Message-ID: <" in head
    assert len(head) < 2000 < listed.size


@pytest.mark.rule(131)
async def test_a_wrong_password_is_for_an_administrator(dovecot: Dovecot, user: str, kind: str) -> None:
    access = an_access(kind, port_of(dovecot, kind), user_name=user, password="wr0ng-secret")

    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(access) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("manual", "authentication_failed")
    assert "Authentication failed" in failure.value.detail
    assert "wr0ng" not in failure.value.detail


@pytest.mark.parametrize("password", ['quo"te\\d', "spaces in it", "Zażółć gęślą", "perc%nt{9}", "(x)"])
async def test_any_password_gets_in(dovecot: Dovecot, request: Any, kind: str, password: str) -> None:
    address = user_for(request)
    dovecot.add_user(address, password)

    async with a_mailbox(an_access(kind, port_of(dovecot, kind), user_name=address, password=password)) as box:
        assert await box.list(1) == []


@pytest.mark.rule(130)
async def test_a_port_where_nothing_listens_is_for_an_administrator(kind: str) -> None:
    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(an_access(kind, free_port())) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("manual", "service_not_started")


@pytest.mark.rule(127)
async def test_a_name_that_does_not_resolve_may_do_so_later(kind: str) -> None:
    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(an_access(kind, 143, server_name="no-such-host.invalid")) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("recoverable", "network_problem")


@pytest.mark.rule(81, 85, 87)
async def test_993_and_995_speak_tls_at_once(
    dovecot: Dovecot, certificates: Certificates, user: str, kind: str
) -> None:
    dovecot.deliver(user, a_mail("utf8"))
    ports = {993: dovecot.ports.imaps, 995: dovecot.ports.pop3s}
    access = an_access(kind, 993 if kind == "IMAP" else 995, user_name=user, use_ssl=True)

    async with a_mailbox(access, connect=Redirected(certificates.ca_file, ports)) as box:
        assert [mail.content for mail in await everything(box)] == [a_mail("utf8")]


async def test_ssl_on_another_port_is_starttls_with_a_checked_certificate(
    dovecot: Dovecot, certificates: Certificates, user: str, kind: str
) -> None:
    dovecot.deliver(user, a_mail())
    access = an_access(kind, port_of(dovecot, kind), user_name=user, use_ssl=True)

    async with a_mailbox(access, connect=Redirected(certificates.ca_file)) as box:
        assert len(await everything(box)) == 1


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_for_another_name_is_for_an_administrator(
    impostor: Dovecot, certificates: Certificates, kind: str, tls: str
) -> None:
    well_known = 993 if kind == "IMAP" else 995
    secure = impostor.ports.imaps if kind == "IMAP" else impostor.ports.pop3s
    access = an_access(kind, well_known if tls == "implicit" else port_of(impostor, kind), use_ssl=True)

    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(access, connect=Redirected(certificates.ca_file, {well_known: secure})) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("manual", "certificate_not_valid")
    assert "127.0.0.1" in failure.value.detail


async def test_an_unknown_authority_is_refused_and_a_ca_bundle_makes_it_known(
    dovecot: Dovecot, certificates: Certificates, user: str, kind: str
) -> None:
    stranger = an_access(kind, port_of(dovecot, kind), user_name=user, use_ssl=True)
    known = stranger.model_copy(update={"tls": TlsOptions(ca_bundle=certificates.ca_file.read_text())})

    with pytest.raises(MailFailure) as failure:
        async with a_mailbox(stranger) as box:
            await box.open()
    async with a_mailbox(known) as box:
        await box.open()

    assert failure.value.reason == "certificate_not_valid"


async def test_without_ssl_an_odd_certificate_does_not_stop_the_mail(impostor: Dovecot, kind: str) -> None:
    async with a_mailbox(an_access(kind, port_of(impostor, kind))) as box:
        assert await box.list(1) == []


async def test_where_tls_is_demanded_and_not_offered_no_password_is_sent(kind: str) -> None:
    with Dovecot(DovecotOptions(ssl="no")) as server:
        server.add_user("box@rig.test")
        with FaultProxy(port_of(server, kind)) as proxy, pytest.raises(MailFailure) as failure:
            async with a_mailbox(an_access(kind, proxy.port, use_ssl=True)) as box:
                await box.open()

        assert (failure.value.condition, failure.value.reason) == ("manual", "server_refuses")
        assert proxy.bytes_to["server"] <= len(b"A1234 CAPABILITY\r\nA1235 LOGOUT\r\n")
        # And without the demand such a server is served in the clear, as the guide has it.
        async with a_mailbox(an_access(kind, port_of(server, kind))) as box:
            assert await box.list(1) == []


async def test_a_download_that_breaks_off_says_so_and_the_next_one_is_whole(
    dovecot: Dovecot, user: str, kind: str
) -> None:
    mail = a_mail("big")
    dovecot.deliver(user, mail)

    with FaultProxy(port_of(dovecot, kind)) as proxy:
        async with a_mailbox(an_access(kind, proxy.port, user_name=user)) as box:
            listed = await box.list(10)
            proxy.cut_after(300_000)
            with pytest.raises(MailFailure) as failure:
                await box.fetch(listed)
            again = await box.fetch(listed)

    assert (failure.value.condition, failure.value.reason) == ("recoverable", "server_stopped")
    assert [found.content for found in again] == [mail]


async def test_a_cancelled_call_leaves_a_mailbox_that_works(dovecot: Dovecot, user: str, kind: str) -> None:
    dovecot.deliver(user, a_mail("big"))
    with FaultProxy(port_of(dovecot, kind)) as proxy:
        async with a_mailbox(an_access(kind, proxy.port, user_name=user)) as box:
            listed = await box.list(10)
            proxy.stall()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await box.fetch(listed)
            proxy.mend()
            assert [len(mail.content) for mail in await box.fetch(listed)] == [listed[0].size]


@pytest.mark.rule(127)
async def test_a_server_that_stops_is_recoverable_and_is_found_again(certificates: Certificates, kind: str) -> None:
    with Dovecot(DovecotOptions(certificate=certificates.good)) as server:
        server.add_user("box@rig.test")
        server.deliver("box@rig.test", a_mail())
        async with a_mailbox(an_access(kind, port_of(server, kind))) as box:
            listed = await box.list(10)
            server.stop()
            with pytest.raises(MailFailure) as failure:
                await box.fetch(listed)
            server.start()
            assert len(await box.fetch(listed)) == 1

    assert (failure.value.condition, failure.value.reason) == ("recoverable", "server_stopped")
