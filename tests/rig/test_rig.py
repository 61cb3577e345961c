"""Each server of the rig does its job; when one of these fails, look here before anywhere else."""

import imaplib
import poplib
import smtplib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import asyncpg
import pytest

from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.mails import KINDS, Kind, a_mail, message_id
from tests.rig.ports import free_port, listens, wait_until
from tests.rig.postfix import Postfix, SmtpSink
from tests.rig.postgres import Postgres, bundled_postgres_bin
from tests.rig.processes import Process, session_members
from tests.rig.proxy import FaultProxy

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


def test_a_dovecot_with_an_identity_provider_offers_tokens() -> None:
    with Dovecot(DovecotOptions(introspection_url="http://127.0.0.1:9/introspect")) as server:
        client = imaplib.IMAP4(server.host, server.ports.imap, timeout=5)
        assert {"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"} <= set(client.capabilities)
        client.shutdown()


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
    with Postgres(bin_dir=bundled_postgres_bin()) as cluster:
        cluster.create_database("there")
        cluster.crash()
        cluster.start()
        cluster.drop_database("there")
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            cluster.execute("SELECT 1", database="there")


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


def test_servers_die_with_the_tests_even_when_those_are_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; from tests.rig.processes import Process;"
        "started = Process(['sh', '-c', 'sleep 60 & wait'], log=pathlib.Path(sys.argv[1]));"
        "print(started.pid, flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "log")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as tests:
        assert tests.stdout is not None
        session = int(tests.stdout.readline())
        assert session_members(session) != []
        tests.kill()
    wait_until(lambda: session_members(session) == [])


def test_ports_stay_below_what_the_kernel_hands_out() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert all(20_000 <= port < 32_000 for port in ports)
