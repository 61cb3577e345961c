"""Servers that lack an extension, misbehave or speak nonsense: scripted, since no real one does all of it."""

import asyncio
import base64

import pytest

from retriever.mailbox.port import MailFailure
from tests.retriever.mailbox.boxes import Redirected, a_mailbox, an_access, everything
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.line_script import LineServer, On, Reply, Script, StartTls
from tests.rig.tcp_server import Act

MAIL = b"Subject: NUL \x00 and 8-bit \xff\r\n\r\n* 9 FETCH (UID 9)\r\nA1 OK {12}\r\n)\r\n"
PLAIN = base64.b64encode(b"\0box@rig.test\0secret").decode()


def imap(*rules: On, capabilities: str = "IMAP4rev1", greeting: Reply | None = "* OK ready") -> Script:
    """A mailbox with UIDVALIDITY 7; rules given come first."""
    usual = [
        On("CAPABILITY", f"* CAPABILITY {capabilities}", "{tag} OK done"),
        On("LOGIN", "{tag} OK in"),
        On("AUTHENTICATE PLAIN", "{tag} OK in"),
        On("SELECT", "* 1 EXISTS", "* OK [UIDVALIDITY 7] valid", "{tag} OK [READ-WRITE] selected"),
        On("LOGOUT", "* BYE bye", "{tag} OK out", Act.CLOSE),
        On("UID SEARCH", "* SEARCH 5", "{tag} OK found"),
        On(
            "RFC822.SIZE",
            f'* 1 FETCH (UID 5 RFC822.SIZE {len(MAIL)} INTERNALDATE " 2-Jan-2026 03:04:05 +0100")',
            "{tag} OK fetched",
        ),
        On(r"BODY.PEEK\[\]", f"* 1 FETCH (UID 5 BODY[] {{{len(MAIL)}}}", MAIL, b" FLAGS ())\r\n", "{tag} OK fetched"),
        On("UID STORE", "{tag} OK stored"),
        On("NOOP", "{tag} OK noop"),
    ]
    return Script(greeting, [*rules, *usual], otherwise=("{tag} BAD unknown",))


def pop3(*rules: On, capabilities: str = "USER\r\nUIDL", greeting: Reply | None = "+OK ready") -> Script:
    stuffed = MAIL.replace(b"\r\n.", b"\r\n..")
    usual = [
        On("CAPA", f"+OK\r\n{capabilities}\r\n."),
        On("USER", "+OK"),
        On("PASS", "+OK in"),
        On("UIDL", "+OK\r\n1 first\r\n2 second\r\n."),
        On("LIST", f"+OK\r\n1 {len(MAIL)}\r\n2 {len(MAIL)}\r\n."),
        On("RETR 1", "+OK", stuffed + b".\r\n"),
        On("RETR 2", "+OK", stuffed + b".\r\n"),
        On("DELE", "+OK"),
        On("QUIT", "+OK bye", Act.CLOSE),
    ]
    return Script(greeting, [*rules, *usual], otherwise=("-ERR unknown",))


async def failure_of(script: Script, kind: str, **changes: object) -> MailFailure:
    with LineServer(script) as server, pytest.raises(MailFailure) as failure:
        async with a_mailbox(an_access(kind, server.port, **changes)) as box:
            await everything(box)
    return failure.value


# --- IMAP without extensions


async def test_the_plainest_imap_server_is_served() -> None:
    with LineServer(imap()) as server:
        async with a_mailbox(an_access("IMAP", server.port), "mark_seen") as box:
            [mail] = await everything(box)
            await box.settle([mail.source])
            assert not box.pushes
            assert await box.wait(0.01) is False

    assert mail.content == MAIL
    assert (mail.source.uidvalidity, mail.source.uid) == (7, 5)
    assert mail.source.fingerprint == f"{len(MAIL)}:2-Jan-2026 03:04:05 +0100"
    assert not server.surprises


async def test_without_sasl_ir_the_password_goes_in_a_second_step() -> None:
    with Dovecot(DovecotOptions(ssl="no", extra="imap_capability = IMAP4rev1")) as server:
        server.add_user("box@rig.test")
        async with a_mailbox(an_access("IMAP", server.ports.imap)) as box:
            assert await box.list(10) == []


async def test_a_password_beyond_ascii_is_logged_in_as_a_literal() -> None:
    # The tag of a command is not repeated with its literal, so the script grants the login beforehand.
    with LineServer(imap(On(r"LOGIN box@rig.test \{8\}", "+ go on", "{tag} OK in"))) as server:
        async with a_mailbox(an_access("IMAP", server.port, password="gęślą")) as box:
            await box.open()
        assert "gęślą".encode().decode("latin-1") in server.lines


async def test_where_login_is_disabled_no_password_is_sent() -> None:
    with LineServer(imap(capabilities="IMAP4rev1 LOGINDISABLED")) as server:
        with pytest.raises(MailFailure) as failure:
            async with a_mailbox(an_access("IMAP", server.port)) as box:
                await box.open()
        assert not [line for line in server.lines if "secret" in line or PLAIN in line]

    assert (failure.value.condition, failure.value.reason) == ("manual", "server_refuses")


@pytest.mark.parametrize(("deleted", "expunges"), [("* SEARCH 5", True), ("* SEARCH 4 5", False)])
async def test_without_uidplus_a_plain_expunge_is_sent_only_when_all_deletions_are_ours(
    deleted: str, *, expunges: bool
) -> None:
    script = imap(On("UID SEARCH DELETED", deleted, "{tag} OK found"), On("EXPUNGE", "* 1 EXPUNGE", "{tag} OK gone"))
    with LineServer(script) as server:
        async with a_mailbox(an_access("IMAP", server.port), "delete") as box:
            [listed] = await box.list(10)
            assert await box.settle([listed.source]) == [listed.source]
        sent = [line for line in server.lines if line.endswith("EXPUNGE")]

    assert bool(sent) is expunges


async def test_without_move_a_mail_is_copied_and_then_deleted() -> None:
    script = imap(
        On("UID COPY 5 Done", "{tag} OK copied"), On("UID EXPUNGE 5", "{tag} OK gone"), capabilities="UIDPLUS"
    )
    with LineServer(script) as server:
        async with a_mailbox(an_access("IMAP", server.port), "move", move_to="Done") as box:
            [listed] = await box.list(10)
            await box.settle([listed.source])
        sent = [line.split(" ", 1)[1] for line in server.lines if "UID" in line][-3:]

    assert sent == ["UID COPY 5 Done", r"UID STORE 5 +FLAGS.SILENT (\Deleted)", "UID EXPUNGE 5"]


async def test_a_folder_that_may_only_be_read_is_for_an_administrator() -> None:
    failure = await failure_of(imap(On("SELECT", "* 0 EXISTS", "{tag} OK [READ-ONLY] done")), "IMAP")

    assert (failure.condition, failure.reason) == ("manual", "mailbox_access")


# --- servers in trouble


@pytest.mark.parametrize("line", ["* Server Unavailable. 15", "Server Unavailable. 15", "* 12", "", "~"])
async def test_a_line_of_nonsense_does_not_disturb_the_answers(line: str) -> None:
    script = imap(On("SELECT", line, "* 1 EXISTS", "* OK [UIDVALIDITY 7] valid", "{tag} OK selected"))
    with LineServer(script) as server:
        async with a_mailbox(an_access("IMAP", server.port)) as box:
            assert [mail.content for mail in await everything(box)] == [MAIL]


@pytest.mark.rule(127)
@pytest.mark.parametrize(
    "last_words", ["* BYE Temporary System Error", "Server Unavailable. 15", "* BYE Connection is closed. 13"]
)
async def test_the_last_words_of_a_server_are_what_the_administrator_reads(last_words: str) -> None:
    failure = await failure_of(imap(On("SELECT", last_words, Act.CLOSE)), "IMAP")

    assert (failure.condition, failure.reason) == ("recoverable", "server_stopped")
    assert last_words.removeprefix("* ") in failure.detail


async def test_a_line_of_nonsense_before_the_end_is_not_taken_for_a_refusal() -> None:
    failure = await failure_of(imap(On("LOGIN", "~", Act.CLOSE)), "IMAP")

    assert (failure.condition, failure.reason) == ("recoverable", "server_stopped")


async def test_throttling_is_no_attempt_and_says_how_long_to_wait() -> None:
    throttled = "{tag} NO Request is throttled. Suggested Backoff Time: 15000 milliseconds"

    failure = await failure_of(imap(On("UID SEARCH", throttled)), "IMAP")

    assert (failure.condition, failure.retry_after) == ("throttled", 15.0)


async def test_a_bye_while_idling_wakes_at_once() -> None:
    script = imap(On("IDLE", "+ idling", "* BYE Session invalidated - AccessTokenExpired"), capabilities="IDLE")
    with LineServer(script) as server:
        async with a_mailbox(an_access("IMAP", server.port)) as box:
            await box.list(10)
            async with asyncio.timeout(5):
                with pytest.raises(MailFailure) as failure:
                    await box.wait(30)

    assert (failure.value.reason, failure.value.stage) == ("authentication_failed", "session")


async def test_a_server_that_says_idle_and_refuses_it_is_polled() -> None:
    script = imap(
        On("IDLE", "{tag} NO not today"), On("NOOP", "* 2 EXISTS", "{tag} OK noop"), capabilities="IMAP4rev1 IDLE"
    )
    with LineServer(script) as server:
        async with a_mailbox(an_access("IMAP", server.port)) as box:
            await box.list(10)
            assert await box.wait(0.05)
            assert not box.pushes


@pytest.mark.parametrize("kind", ["IMAP", "POP3"])
async def test_a_server_that_greets_as_something_else_is_named(kind: str) -> None:
    failure = await failure_of(Script("220 mx.rig.test ESMTP", []), kind)

    assert "220 mx.rig.test ESMTP" in failure.detail


async def test_an_answer_larger_than_anything_asked_for_is_cut_off() -> None:
    script = imap(On("UID SEARCH", "* 1 FETCH (UID 5 BODY[] {900000000}", b"x" * 100_000))

    failure = await failure_of(script, "IMAP")

    assert "900000000" in failure.detail


@pytest.mark.parametrize("kind", ["IMAP", "POP3"])
async def test_what_is_said_before_tls_begins_is_not_believed(kind: str, certificates: Certificates) -> None:
    tls = StartTls(certificates.good.server_context())
    if kind == "IMAP":
        injected = b"A OK begin\r\n* PREAUTH you are in\r\n"
        script = imap(On("STARTTLS", injected, tls), capabilities="IMAP4rev1 STARTTLS")
    else:
        script = pop3(On("STLS", b"+OK begin\r\n+OK injected\r\n", tls), capabilities="USER\r\nSTLS")
    with LineServer(script) as server:
        access = an_access(kind, server.port, use_ssl=True)
        with pytest.raises(MailFailure):
            async with a_mailbox(access, connect=Redirected(certificates.ca_file)) as box:
                await box.open()
    assert not [line for line in server.lines if "secret" in line]


THREE = [
    On("UID SEARCH", "* SEARCH 5 6 7", "{tag} OK found"),
    On(
        "RFC822.SIZE",
        *(
            f'* {uid - 4} FETCH (UID {uid} RFC822.SIZE 3 INTERNALDATE " 2-Jan-2026 03:04:05 +0100")'
            for uid in (5, 6, 7)
        ),
        "{tag} OK fetched",
    ),
]


@pytest.mark.parametrize("refusal", ["NO the message could not be retrieved", "BAD Command Error. 12"])
async def test_a_mail_that_the_server_cannot_read_keeps_none_of_the_others(refusal: str) -> None:
    rules = [
        On(r"FETCH (5:7|5|5:6) .*BODY.PEEK\[\]", "{tag} " + refusal),
        On(r"FETCH 6:7 .*BODY.PEEK\[\]", "* 2 FETCH (UID 6 BODY[] {3}", b"six)\r\n", "* 3 FETCH (UID 7 BODY[] {3}",
           b"sev)\r\n", "{tag} OK fetched"),
        *THREE,
    ]  # fmt: skip
    with LineServer(imap(*rules)) as server:
        async with a_mailbox(an_access("IMAP", server.port)) as box:
            mails = await everything(box)

    assert [mail.content for mail in mails] == [b"six", b"sev"]


async def test_idle_refused_because_the_session_is_over_says_so_and_idle_is_used_again() -> None:
    rules = [On("IDLE", "{tag} NO Session invalidated - AccessTokenExpired", times=1)]
    with LineServer(imap(*rules, capabilities="IDLE"), imap(capabilities="IDLE")) as server:
        async with a_mailbox(an_access("IMAP", server.port)) as box:
            await box.list(10)
            with pytest.raises(MailFailure, match="AccessTokenExpired"):
                await box.wait(30)
            await box.close()
            await box.open()
            assert box.pushes


async def test_a_fetch_refused_because_the_session_is_over_is_not_asked_for_again_in_parts() -> None:
    not_connected = On(r"BODY.PEEK\[\]", "{tag} NO User is authenticated but not connected.")
    with LineServer(imap(not_connected, *THREE)) as server:
        with pytest.raises(MailFailure, match="mailbox_access"):
            async with a_mailbox(an_access("IMAP", server.port)) as box:
                await everything(box)
        assert len([line for line in server.lines if "BODY.PEEK[]" in line]) == 1


async def test_an_answer_to_nothing_does_not_bring_the_password_to_light() -> None:
    failure = await failure_of(imap(On("LOGIN", "ZZ1 OK what?")), "IMAP", password='se"cr\\et')

    assert (failure.condition, failure.reason) == ("recoverable", "server_refuses")
    assert "cr" not in failure.detail.replace("server", "")


@pytest.mark.parametrize(
    ("refusal", "condition"),
    [("BAD Request is throttled. Suggested Backoff Time: 5000 milliseconds", "throttled"), ("NO out", "recoverable")],
)
async def test_a_server_that_gives_no_mail_and_does_nothing_else_is_in_trouble(refusal: str, condition: str) -> None:
    rules = [On(r"BODY.PEEK\[\]", "{tag} " + refusal), On("NOOP", "{tag} NO out of order"), *THREE]

    failure = await failure_of(imap(*rules), "IMAP")

    assert failure.condition == condition


# --- POP3


async def test_the_plainest_pop3_server_is_asked_one_thing_at_a_time() -> None:
    with LineServer(pop3()) as server:
        async with a_mailbox(an_access("POP3", server.port), "delete") as box:
            mails = await everything(box)
            settled = await box.settle([mail.source for mail in mails])

    assert [mail.content for mail in mails] == [MAIL, MAIL]
    assert [source.uidl for source in settled] == ["first", "second"]
    assert server.lines[-5:] == ["RETR 1", "RETR 2", "DELE 1", "DELE 2", "QUIT"]


async def test_a_server_that_does_not_know_capa_is_served() -> None:
    with LineServer(pop3(On("CAPA", "-ERR what?"))) as server:
        async with a_mailbox(an_access("POP3", server.port)) as box:
            assert len(await everything(box)) == 2


async def test_without_uidl_nothing_is_retrieved_and_the_reason_is_clear() -> None:
    failure = await failure_of(pop3(On("UIDL", "-ERR what?")), "POP3")

    assert (failure.condition, failure.reason) == ("manual", "server_refuses")
    assert "UIDL" in failure.detail


async def test_a_mail_that_vanished_between_list_and_retr_is_absent() -> None:
    with LineServer(pop3(On("RETR 1", "-ERR no such message"), capabilities="USER\r\nUIDL\r\nPIPELINING")) as server:
        async with a_mailbox(an_access("POP3", server.port)) as box:
            mails = await everything(box)

    assert [mail.source.uidl for mail in mails] == ["second"]


async def test_a_deletion_the_server_refuses_is_not_settled() -> None:
    with LineServer(pop3(On("DELE 1", "-ERR no"))) as server:
        async with a_mailbox(an_access("POP3", server.port), "delete") as box:
            settled = await box.settle([mail.source for mail in await box.list(10)])

    assert [source.uidl for source in settled] == ["second"]


async def test_a_quit_that_fails_settles_nothing() -> None:
    with LineServer(pop3(On("QUIT", "-ERR some deleted messages not removed", Act.CLOSE))) as server:
        async with a_mailbox(an_access("POP3", server.port), "delete") as box:
            listed = await box.list(10)
            with pytest.raises(MailFailure) as failure:
                await box.settle([mail.source for mail in listed])

    assert failure.value.condition == "recoverable"


async def test_a_password_with_a_line_break_cannot_smuggle_a_command() -> None:
    with LineServer(pop3()) as server:
        with pytest.raises(MailFailure):
            async with a_mailbox(an_access("POP3", server.port, password="x\r\nDELE 1")) as box:
                await box.open()
        assert "DELE 1" not in server.lines


async def test_a_mail_many_times_its_announced_size_is_cut_off() -> None:
    script = pop3(On("LIST", "+OK\r\n1 10\r\n2 10\r\n."), On("RETR 1", "+OK", b"x" * 500_000))

    failure = await failure_of(script, "POP3")

    assert "announced" in failure.detail


@pytest.mark.parametrize("size", [f"{len(MAIL)} octets, as far as we know", "0", ""])
async def test_a_size_with_more_words_or_none_at_all_stops_no_mail(size: str) -> None:
    large = MAIL + b"x" * 300_000 + b"\r\n"
    listing = f"+OK\r\n1 {size}\r\n2 {len(MAIL)}\r\n."
    retr = On("RETR 1", "+OK", (large if size != f"{len(MAIL)} octets, as far as we know" else MAIL) + b".\r\n")
    with LineServer(pop3(On("LIST", listing), retr, capabilities="USER\r\nUIDL\r\nPIPELINING")) as server:
        async with a_mailbox(an_access("POP3", server.port)) as box:
            mails = await everything(box)

    assert [mail.source.uidl for mail in mails] == ["first", "second"]
    assert mails[0].content in (large, MAIL)


async def test_a_uidl_that_no_database_stores_still_tells_mails_apart() -> None:
    listing = b"+OK\r\n1 a\0b\r\n2 a\0c\r\n.\r\n"
    with LineServer(pop3(On("UIDL", listing))) as server:
        async with a_mailbox(an_access("POP3", server.port)) as box:
            listed = await box.list(10)

    assert len({mail.source.uidl for mail in listed}) == 2
    assert all((mail.source.uidl or "").isalnum() for mail in listed)


async def test_a_server_that_shuts_down_at_uidl_is_stopped_and_not_unfit() -> None:
    failure = await failure_of(pop3(On("UIDL", "-ERR [SYS/TEMP] Server shutting down.")), "POP3")

    assert (failure.condition, failure.reason) == ("recoverable", "server_stopped")


async def test_an_access_token_goes_in_two_steps_as_microsoft_wants_it() -> None:
    script = pop3(On("AUTH XOAUTH2", "+ "), On("^dXNlcj1", "+OK in"), capabilities="SASL XOAUTH2\r\nUIDL")
    with LineServer(script) as server:
        async with a_mailbox(an_access("POP3", server.port, access_token="EwBAAl3B")) as box:
            await box.open()
        [sent] = [line for line in server.lines if line.startswith("dXNlcj1")]

    assert base64.b64decode(sent) == b"user=box@rig.test\x01auth=Bearer EwBAAl3B\x01\x01"


async def test_an_expired_token_over_imap_ends_in_the_servers_refusal() -> None:
    challenge = base64.b64encode(b'{"status":"401","schemes":"bearer"}').decode()
    script = imap(
        On("AUTHENTICATE XOAUTH2", f"+ {challenge}", "{tag} NO AUTHENTICATE failed."),
        capabilities="IMAP4rev1 SASL-IR AUTH=XOAUTH2",
    )
    with LineServer(script) as server, pytest.raises(MailFailure) as failure:
        async with a_mailbox(an_access("IMAP", server.port, access_token="EwBAAl3B")) as box:
            await box.open()

    assert (failure.value.condition, failure.value.reason) == ("manual", "authentication_failed")
    assert "" in server.lines
