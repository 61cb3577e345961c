"""Each server of the rig does its job; when one of these fails, look here before anywhere else."""

import asyncio
import imaplib
import poplib
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import aiosmtplib
import asyncpg
import pytest

from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.line_script import LineServer, On, Script, StartTls
from tests.rig.mails import KINDS, Kind, a_mail, message_id
from tests.rig.ports import free_port, listens, wait_until
from tests.rig.postfix import Postfix, SmtpSink
from tests.rig.postgres import Postgres, bundled_postgres_bin
from tests.rig.processes import Process
from tests.rig.proxy import FaultProxy
from tests.rig.smtp_script import RecordingSmtp
from tests.rig.tcp_server import Act

BOX = "rig@rig.test"


@pytest.fixture
def box(dovecot: Dovecot) -> Iterator[str]:
    dovecot.add_user(BOX, "secret")
    yield BOX
    dovecot.clear(BOX)


def imap(server: Dovecot, *, port: int = 0, password: str = "secret") -> imaplib.IMAP4:
    client = imaplib.IMAP4(server.host, port or server.ports.imap, timeout=5)
    client.login(BOX, password)
    client.select()
    return client


# --- Dovecot


def test_a_delivered_mail_is_fetched_by_imap_byte_for_byte(dovecot: Dovecot, box: str) -> None:
    mail = a_mail("utf8")
    dovecot.deliver(box, mail)
    with imap(dovecot) as client:
        _ok, data = client.fetch("1", "(BODY.PEEK[])")
    assert isinstance(data[0], tuple)
    assert data[0][1] == mail == dovecot.messages(box)[0]


def test_pop3_retrieves_and_deletes_over_tls(dovecot: Dovecot, box: str, certificates: Certificates) -> None:
    dovecot.deliver(box, a_mail())
    trust = certificates.client_context()
    client = poplib.POP3_SSL("localhost", dovecot.ports.pop3s, timeout=5, context=trust)
    client.user(box)
    client.pass_("secret")
    assert b"Where is my order?" in client.retr(1)[1]
    client.dele(1)
    client.quit()
    assert dovecot.messages(box) == []


def test_a_changed_password_counts_at_once(dovecot: Dovecot, box: str) -> None:
    imap(dovecot).logout()
    dovecot.set_password(box, "other1")
    imap(dovecot, password="other1").logout()


def test_uidvalidity_and_uids_can_be_chosen(dovecot: Dovecot, box: str) -> None:
    dovecot.deliver(box, a_mail(number=1))
    dovecot.deliver(box, a_mail(number=2))
    dovecot.number_from(box, 4711, 100)
    with imap(dovecot) as client:
        assert client.status("INBOX", "(UIDVALIDITY)")[1] == [b"INBOX (UIDVALIDITY 4711)"]
        assert client.uid("SEARCH", "ALL")[1] == [b"100 101"]


def test_a_dovecot_freezes_thaws_crashes_and_comes_back_on_its_ports() -> None:
    with Dovecot(DovecotOptions(max_connections=1, disable_plaintext_auth=True)) as server:
        server.add_user(BOX)
        with pytest.raises(imaplib.IMAP4.error, match="Plaintext authentication disallowed"):
            imap(server)
        trust = ssl.create_default_context(cafile=server.ca_file)
        client = imaplib.IMAP4_SSL(server.host, server.ports.imaps, ssl_context=trust, timeout=0.3)
        server.freeze()
        with pytest.raises(TimeoutError):
            client.noop()
        server.thaw()
        server.crash()
        client.shutdown()
        assert not listens(server.ports.imap, server.host)
        server.start()
        server.stop()
        assert not listens(server.ports.imap, server.host)
        assert Path(server.folder).exists()
    assert not Path(server.folder).exists()


@pytest.mark.parametrize("fault", ["expired", "wrong_name"])
def test_a_server_can_show_a_bad_certificate(certificates: Certificates, fault: str) -> None:
    bad = certificates.expired if fault == "expired" else certificates.wrong_name
    with (
        Dovecot(DovecotOptions(certificate=bad)) as server,
        pytest.raises(ssl.SSLCertVerificationError, match=r"expired|mismatch|not valid for"),
    ):
        imaplib.IMAP4_SSL("localhost", server.ports.imaps, ssl_context=certificates.client_context(), timeout=5)


# --- Postfix


def test_postfix_delivers_into_dovecot_after_starttls_and_login(
    dovecot: Dovecot, postfix: Postfix, box: str, certificates: Certificates
) -> None:
    with smtplib.SMTP("localhost", postfix.smtp, timeout=5) as client:
        client.starttls(context=certificates.client_context())
        client.login(box, "secret")
        client.sendmail("anna@customer.test", [box], a_mail(number=7))
    wait_until(lambda: dovecot.messages(box) != [], what="delivery")
    assert message_id(7).encode() in dovecot.messages(box)[0]


@pytest.mark.parametrize(("who", "code"), [("grey", 450), ("busy", 421), ("blocked", 550), ("ghost", 550)])
def test_postfix_refuses_by_recipient(postfix: Postfix, who: str, code: int) -> None:
    with (
        smtplib.SMTP("127.0.0.1", postfix.smtp, timeout=5) as client,
        pytest.raises(smtplib.SMTPRecipientsRefused) as refused,
    ):
        client.sendmail("anna@customer.test", [f"{who}@rig.test"], a_mail())
    assert refused.value.recipients[f"{who}@rig.test"][0] == code


def test_postfix_bounces_what_dovecot_does_not_know(dovecot: Dovecot, postfix: Postfix, box: str) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.smtp, timeout=5) as client:
        client.sendmail(box, ["nobody-there@customer.test"], a_mail())
    wait_until(lambda: dovecot.messages(box) != [], what="the bounce")
    assert b"multipart/report" in dovecot.messages(box)[0]


def test_the_sink_swallows_mail() -> None:
    with SmtpSink() as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
        client.sendmail("a@rig.test", ["b@rig.test"], a_mail("big"))


# --- scripted servers


async def test_a_line_script_plays_tls_literals_and_a_reset(certificates: Certificates) -> None:
    script = Script(
        "* OK ready",
        [
            On(r"STARTTLS", "{tag} OK go", StartTls(certificates.good.server_context())),
            On(r"LOGIN (?P<user>\S+)", "* OK hello {user} {3}", b"abc\r\n", "{tag} OK in"),
            On(r"NOOP", Act.RESET),
        ],
    )
    with LineServer(script) as server:
        reader, writer = await asyncio.open_connection("localhost", server.port)
        assert await reader.readline() == b"* OK ready\r\n"
        writer.write(b"a1 STARTTLS\r\n")
        assert await reader.readline() == b"a1 OK go\r\n"
        await writer.start_tls(certificates.client_context(), server_hostname="localhost")
        writer.write(b"a2 LOGIN anna pw\r\n")
        assert await reader.readline() == b"* OK hello anna {3}\r\n"
        assert [await reader.readline() for _ in range(2)] == [b"abc\r\n", b"a2 OK in\r\n"]
        writer.write(b"a3 NOOP\r\n")
        with pytest.raises(ConnectionError):
            await reader.readline()
        writer.transport.abort()
        assert server.lines == ["a1 STARTTLS", "a2 LOGIN anna pw", "a3 NOOP"]


def test_a_line_script_in_order_names_the_surprise_and_hangs_until_released() -> None:
    first = Script("+OK", [On("USER", "+OK"), On("PASS", Act.HANG, "+OK at last")], in_order=True)
    with LineServer(first, Script("-ERR later", [])) as server:
        with socket.create_connection(("127.0.0.1", server.port), 0.2) as client:
            client.sendall(b"USER anna\r\nPASS pw\r\n")
            stream = client.makefile("rb")
            assert [stream.readline() for _ in range(2)] == [b"+OK\r\n"] * 2
            with pytest.raises(TimeoutError):
                stream.readline()
            stream.close()
            server.release()
            client.settimeout(5)
            assert client.recv(100) == b"+OK at last\r\n"
            client.sendall(b"STAT\r\n")
            assert client.recv(100) == b""
        assert server.surprises == ["STAT"]
        with socket.create_connection(("127.0.0.1", server.port), 5) as client:
            assert client.recv(100) == b"-ERR later\r\n"


async def test_recording_smtp_answers_by_recipient_and_records(certificates: Certificates) -> None:
    with RecordingSmtp(users={"anna": "pw"}, certificate=certificates.good) as server:
        server.on("rcpt", "450 4.2.0 later", recipient="grey@x.test", times=1)
        client = aiosmtplib.SMTP(
            hostname="localhost", port=server.port, timeout=5, tls_context=certificates.client_context()
        )
        async with client:
            await client.login("anna", "pw")
            errors, _text = await client.sendmail("a@rig.test", ["grey@x.test", "b@x.test"], b".dot\r\n")
            assert errors["grey@x.test"].code == 450
        (message,) = server.accepted
        assert (message.recipients, message.content) == (("b@x.test",), b".dot\r\n")
        assert (message.login, message.tls) == ("anna", True)


async def test_recording_smtp_keeps_silent_after_the_final_dot() -> None:
    with RecordingSmtp() as server:
        server.on("content", Act.CLOSE, times=1)
        async with aiosmtplib.SMTP(hostname="localhost", port=server.port, timeout=5) as client:
            with pytest.raises(aiosmtplib.SMTPServerDisconnected):
                await client.sendmail("a@rig.test", ["b@rig.test"], a_mail())
        assert (len(server.received), server.accepted) == (1, [])
        server.on("content", Act.HANG, times=1)
        async with aiosmtplib.SMTP(hostname="localhost", port=server.port, timeout=5) as client:
            sending = asyncio.create_task(client.sendmail("a@rig.test", ["b@rig.test"], a_mail()))
            await asyncio.to_thread(wait_until, lambda: len(server.received) == 2)
            assert not sending.done()
            server.release()
            assert "queued" in (await sending)[1]


# --- proxy


def test_the_proxy_passes_cuts_resets_refuses_stalls_and_mends(dovecot: Dovecot, box: str) -> None:
    dovecot.deliver(box, a_mail("big"))
    with FaultProxy(dovecot.ports.imap) as proxy:
        client = imap(dovecot, port=proxy.port)
        proxy.cut_after(50_000)
        before = proxy.bytes_to["client"]
        with pytest.raises((ConnectionResetError, imaplib.IMAP4.abort)):
            client.fetch("1", "(BODY.PEEK[])")
        client.shutdown()
        assert proxy.bytes_to["client"] - before == 50_000

        client = imap(dovecot, port=proxy.port)
        proxy.reset()
        with pytest.raises(imaplib.IMAP4.abort):
            client.noop()
        client.shutdown()

        proxy.refuse()
        assert not listens(proxy.port)
        proxy.mend()

        client = imap(dovecot, port=proxy.port)
        client.socket().settimeout(0.2)
        proxy.stall()
        with pytest.raises(TimeoutError):
            client.noop()
        client.shutdown()
        proxy.mend()
        imap(dovecot, port=proxy.port).logout()

        proxy.hang()
        with socket.create_connection(("127.0.0.1", proxy.port), 0.1) as silent, pytest.raises(TimeoutError):
            silent.recv(1)


# --- Postgres


async def test_postgres_makes_a_database_from_a_template(postgres: Postgres) -> None:
    template = postgres.create_database("rig_template")
    postgres.execute("CREATE TABLE seed AS SELECT 42 AS answer", database="rig_template")
    copy = postgres.create_database("rig_copy", template="rig_template")
    connection = await asyncpg.connect(copy)
    assert await connection.fetchval("SELECT answer FROM seed") == 42
    postgres.drop_database("rig_copy")
    connection.terminate()
    postgres.drop_database("rig_template")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(template)


def test_the_postgres_of_pypi_starts_where_debian_has_none() -> None:
    began = time.monotonic()
    with Postgres(bin_dir=bundled_postgres_bin()) as cluster:
        cluster.create_database("there")
        cluster.crash()
        cluster.start()
        cluster.drop_database("there")
    assert time.monotonic() - began < 20


# --- the rest


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_mail_parses_and_says_its_oddity(kind: Kind) -> None:
    raw = a_mail(kind, size=5000)
    parsed = message_from_bytes(raw, policy=policy.default)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert ("From" in parsed) is (kind != "no_from")
    assert ("Message-ID" in parsed) is (kind != "no_message_id")
    assert ("In-Reply-To" in parsed) is (kind == "reply")
    assert raw == a_mail(kind, size=5000)


def test_killing_a_process_ends_what_it_forked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    parent = Process(["sh", "-c", "sleep 60 & sleep 60 & echo forked; wait"], log=log)
    wait_until(lambda: "forked" in parent.log_text())
    assert len(parent.members()) == 3
    parent.stop()
    assert parent.members() == []


def test_ports_stay_below_what_the_kernel_hands_out() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert all(20_000 <= port < 32_000 for port in ports)
