"""One letter after the other over real sockets: what the transport learns at each stage."""

import asyncio
from dataclasses import replace

import pytest

from dispatcher.transport.opening import Timeouts
from dispatcher.transport.port import Letter, Stage, Trouble
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport
from ece_common.egress import EgressPolicy
from tests.dispatcher.builders import ALIAS, a_letter, an_access
from tests.dispatcher.waiting import until
from tests.rig.ports import free_port
from tests.rig.proxy import FaultProxy
from tests.rig.smtp_script import RecordingSmtp
from tests.rig.tcp_server import Act


async def test_a_letter_arrives_byte_for_byte_with_its_dots(server: RecordingSmtp, transport: SmtpTransport) -> None:
    letter = a_letter(body=b".one dot\r\n..two\r\n.\r\nend\r\n")

    said = await transport.send("r1", an_access(server.port), letter)

    assert said.accepted
    [received] = server.received
    assert received.content == letter.content
    assert (received.sender, received.recipients) == (ALIAS, ("customer@shop.test",))
    assert f"SIZE={len(letter.content)}" in received.mail_options


async def test_a_body_that_begins_with_a_dot_is_stuffed(server: RecordingSmtp, transport: SmtpTransport) -> None:
    letter = Letter(ALIAS, ("a@shop.test",), b".x\r\n")

    await transport.send("r1", an_access(server.port), letter)

    assert server.received[0].content == b".x\r\n"


async def test_a_large_letter_arrives_whole(server: RecordingSmtp, transport: SmtpTransport) -> None:
    letter = a_letter(body=b"0123456789\r\n.dotted\r\n" * 100_000)

    said = await transport.send("r1", an_access(server.port), letter)

    assert said.accepted
    assert server.received[0].content == letter.content


async def test_refused_recipients_do_not_keep_the_others_from_it(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    server.on("rcpt", "550 5.1.1 User unknown", recipient="ghost@shop.test")
    server.on("rcpt", "450 4.2.0 Greylisted", recipient="grey@shop.test")

    said = await transport.send(
        "r1", an_access(server.port), a_letter("ghost@shop.test", "a@shop.test", "grey@shop.test")
    )

    assert said.accepted
    assert {n: reply.code for n, reply in said.refused.items()} == {0: 550, 2: 450}
    assert server.received[0].recipients == ("a@shop.test",)


@pytest.mark.parametrize("reply", ["252 2.1.5 Cannot verify, will try", "251 Will forward", "200 ok"])
async def test_every_positive_reply_takes_the_recipient_who_would_else_get_the_letter_again_and_again(
    server: RecordingSmtp, transport: SmtpTransport, reply: str
) -> None:
    server.on("rcpt", reply, recipient="a@shop.test")
    server.on("mail", reply)

    said = await transport.send("r1", an_access(server.port), a_letter("a@shop.test", "b@shop.test"))

    assert said.accepted
    assert not said.refused


async def test_when_nobody_is_left_no_data_is_sent_and_the_next_letter_starts_clean(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    server.on("rcpt", "550 5.1.1 User unknown", recipient="ghost@shop.test")
    access = an_access(server.port)

    said = await transport.send("r1", access, a_letter("ghost@shop.test"))
    after = await transport.send("r1", access, a_letter("a@shop.test"))

    assert (said.stage, said.refused[0].text) == (Stage.RECIPIENT, "5.1.1 User unknown")
    assert after.accepted
    assert server.connections == 1
    assert [line.split(" ")[0] for line in server.commands] == [
        "EHLO",
        "MAIL",
        "RCPT",
        "RSET",
        "MAIL",
        "RCPT",
        "DATA",
    ]


@pytest.mark.parametrize(
    ("step", "stage", "code"),
    [
        ("connect", Stage.GREETING, 554),
        ("mail", Stage.MAIL, 550),
        ("data", Stage.DATA, 451),
        ("content", Stage.CONTENT, 552),
    ],
)
async def test_a_refusal_is_known_with_its_stage(
    server: RecordingSmtp, transport: SmtpTransport, step: str, stage: Stage, code: int
) -> None:
    server.on(step, f"{code} {code // 100}.0.0 no")  # pyright: ignore[reportArgumentType]

    said = await transport.send("r1", an_access(server.port), a_letter())

    assert said.reply is not None
    assert (said.stage, said.reply.code, said.accepted) == (stage, code, False)


async def test_a_server_without_ehlo_is_greeted_with_helo(server: RecordingSmtp, transport: SmtpTransport) -> None:
    server.on("ehlo", "502 5.5.1 what?", times=1)

    said = await transport.send("r1", an_access(server.port), a_letter())

    assert said.accepted
    assert [line.split(" ")[0] for line in server.commands][:2] == ["EHLO", "HELO"]


async def test_kept_connections_carry_letter_after_letter(server: RecordingSmtp, transport: SmtpTransport) -> None:
    access = an_access(server.port)

    for _ in range(5):
        assert (await transport.send("r1", access, a_letter())).accepted

    assert server.connections == 1


async def test_no_more_connections_than_allowed(server: RecordingSmtp, options: SmtpOptions) -> None:
    transport = SmtpTransport(EgressPolicy().open_socket, replace(options, maximum_connections=3))
    access = an_access(server.port)

    said = await asyncio.gather(*(transport.send("r1", access, a_letter()) for _ in range(30)))

    assert all(each.accepted for each in said)
    assert server.connections <= 3
    transport.close()


async def test_a_connection_is_retired_after_its_number_of_letters(
    server: RecordingSmtp, options: SmtpOptions
) -> None:
    transport = SmtpTransport(EgressPolicy().open_socket, replace(options, letters_per_connection=2))
    access = an_access(server.port)

    for _ in range(5):
        assert (await transport.send("r1", access, a_letter())).accepted

    assert server.connections == 3
    transport.close()


async def test_an_idle_connection_is_closed_and_its_pool_forgotten(
    server: RecordingSmtp, options: SmtpOptions
) -> None:
    transport = SmtpTransport(EgressPolicy().open_socket, replace(options, idle_seconds=0.05))
    await transport.send("r1", an_access(server.port), a_letter())
    assert transport.connections()["r1"]["idle"] == 1

    await until(lambda: not transport.connections()["r1"]["idle"] and "QUIT" in server.commands)
    transport.tidy()

    assert transport.connections() == {}


async def test_a_kept_connection_that_the_server_ended_costs_no_attempt(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    access = an_access(server.port)
    await transport.send("r1", access, a_letter())
    server.on("mail", "421 4.4.2 idle for too long", times=1)

    said = await transport.send("r1", access, a_letter())

    assert said.accepted
    assert server.connections == 2


async def test_a_kept_connection_that_broke_costs_no_attempt(server: RecordingSmtp, transport: SmtpTransport) -> None:
    access = an_access(server.port)
    await transport.send("r1", access, a_letter())
    server.on("mail", Act.RESET, times=1)

    said = await transport.send("r1", access, a_letter())

    assert said.accepted
    assert len(server.accepted) == 2


async def test_too_many_connections_makes_them_fewer(server: RecordingSmtp, transport: SmtpTransport) -> None:
    server.on("mail", "432 4.3.2 Concurrent connections limit exceeded", times=1)
    access = an_access(server.port)

    said = await asyncio.gather(*(transport.send("r1", access, a_letter()) for _ in range(8)))

    assert sum(each.accepted for each in said) == 7
    assert transport.connections()["r1"]["limit"] < 8


@pytest.mark.parametrize(("step", "stage"), [("mail", Stage.MAIL), ("rcpt", Stage.RECIPIENT), ("data", Stage.DATA)])
@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET])
async def test_a_connection_lost_before_the_dot_is_known_to_be(
    server: RecordingSmtp, transport: SmtpTransport, step: str, stage: Stage, act: Act
) -> None:
    server.on(step, act)  # pyright: ignore[reportArgumentType]

    said = await transport.send("r1", an_access(server.port), a_letter())

    assert (said.stage, said.trouble) == (stage, Trouble.LOST)


@pytest.mark.parametrize("act", [Act.CLOSE, Act.RESET])
async def test_a_connection_lost_after_the_dot_may_have_left_the_letter_there(
    server: RecordingSmtp, transport: SmtpTransport, act: Act
) -> None:
    server.on("content", act)

    said = await transport.send("r1", an_access(server.port), a_letter())

    assert (said.stage, said.trouble) == (Stage.CONTENT, Trouble.LOST)
    assert len(server.received) == 1


async def test_a_large_letter_cut_on_its_way_is_known_to_be_incomplete(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    with FaultProxy(server.port) as proxy:
        proxy.cut_after(300_000, towards="server")

        said = await transport.send("r1", an_access(proxy.port), a_letter(body=b"0123456789\r\n" * 2_000_000))

    assert (said.stage, said.trouble) == (Stage.BODY, Trouble.LOST)
    assert server.received == []


async def test_a_silent_server_is_given_up_on_at_each_stage(server: RecordingSmtp, options: SmtpOptions) -> None:
    impatient = replace(options, timeouts=Timeouts(connect=1.0, command=0.1, final=0.1))
    for step, stage in (("connect", Stage.GREETING), ("rcpt", Stage.RECIPIENT), ("content", Stage.CONTENT)):
        transport = SmtpTransport(EgressPolicy().open_socket, impatient)
        server.on(step, Act.HANG, times=1)  # pyright: ignore[reportArgumentType]

        said = await transport.send("r1", an_access(server.port), a_letter())

        assert (said.stage, said.trouble) == (stage, Trouble.TIMED_OUT)
        transport.close()


async def test_nobody_listening_is_unreachable_and_told_as_not_started(transport: SmtpTransport) -> None:
    access = an_access(free_port())
    said = await transport.prepare("r1", access)

    assert said is not None
    assert (said.stage, said.trouble) == (Stage.CONNECT, Trouble.UNREACHABLE)
    place = f"{access.server_name}:{access.port}"
    assert said.detail == f"{place} refuses connections: the service is not started"


@pytest.mark.parametrize("name", ["no-such-host.invalid", "a" * 64 + ".test"])
async def test_a_name_that_does_not_exist_is_told_as_unresolved(transport: SmtpTransport, name: str) -> None:
    said = await transport.prepare("r1", an_access(25, server_name=name))

    assert said is not None
    assert (said.stage, said.trouble) == (Stage.CONNECT, Trouble.UNRESOLVED)
    assert said.detail.startswith(f"the name of {name}:25 cannot be resolved")
    assert "[Errno" not in said.detail


async def test_an_address_outside_the_outgoing_policy_is_never_connected_to(
    server: RecordingSmtp, options: SmtpOptions
) -> None:
    transport = SmtpTransport(EgressPolicy(deny=["127.0.0.0/8", "::1"]).open_socket, options)

    said = await transport.prepare("r1", an_access(server.port))

    assert said is not None
    assert said.trouble is Trouble.NOT_ALLOWED
    assert server.connections == 0


async def test_callers_that_prepare_together_share_one_connection(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    access = an_access(server.port)

    assert await asyncio.gather(*(transport.prepare("r1", access) for _ in range(20))) == [None] * 20

    assert server.connections == 1


async def test_breaking_off_ends_each_conversation_where_it_stands(
    server: RecordingSmtp, transport: SmtpTransport
) -> None:
    server.on("rcpt", Act.HANG, recipient="slow@shop.test")
    server.on("content", Act.HANG, recipient="a@shop.test")
    access = an_access(server.port)
    sends = [
        asyncio.create_task(transport.send("r1", access, a_letter(address)))
        for address in ("slow@shop.test", "a@shop.test")
    ]
    await until(lambda: "RCPT TO:<slow@shop.test>" in server.commands and len(server.received) == 1)

    transport.abort()

    assert [(await send).stage for send in sends] == [Stage.RECIPIENT, Stage.CONTENT]


async def test_smtputf8_is_used_where_it_is_offered(server: RecordingSmtp, transport: SmtpTransport) -> None:
    letter = Letter(ALIAS, ("jörg@shop.test",), b"To: x :;\r\n\r\n", "To: jörg@shop.test\r\n\r\n".encode())

    said = await transport.send("r1", an_access(server.port), letter)

    assert said.accepted
    assert server.received[0].recipients == ("jörg@shop.test",)
    assert server.received[0].content == letter.utf8_content
    assert "SMTPUTF8" in server.received[0].mail_options


async def test_without_smtputf8_only_the_ascii_recipients_get_the_ascii_rendering(transport: SmtpTransport) -> None:
    letter = Letter(ALIAS, ("jörg@shop.test", "a@shop.test"), b"To: x :;\r\n\r\n", b"\xc3\xb6\r\n")
    with RecordingSmtp(extensions=["SIZE 1000000"]) as server:
        said = await transport.send("r1", an_access(server.port), letter)

        assert said.accepted
        assert said.untransmittable == {0}
        assert server.received[0].recipients == ("a@shop.test",)
        assert server.received[0].content == letter.content
        assert server.received[0].mail_options == f"SIZE={len(letter.content)}"


async def test_without_smtputf8_a_sender_that_needs_it_sends_nothing(transport: SmtpTransport) -> None:
    letter = Letter("hilfe@größe.test".replace("hilfe", "hülfe"), ("a@shop.test",), b"x\r\n", b"\xc3\xb6\r\n")
    with RecordingSmtp(extensions=[]) as server:
        said = await transport.send("r1", an_access(server.port), letter)

        assert said.untransmittable == {0}
        assert not any(line.startswith("MAIL") for line in server.commands)
