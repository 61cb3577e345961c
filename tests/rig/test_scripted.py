"""The servers that a test writes the replies of: they play what the script says and record what they hear."""

import asyncio
import socket

import aiosmtplib
import pytest

from tests.rig.certificates import Certificates
from tests.rig.line_script import LineServer, On, Script, StartTls
from tests.rig.mails import a_mail
from tests.rig.ports import wait_until
from tests.rig.smtp_script import RecordingSmtp
from tests.rig.tcp_server import Act


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
