"""Who may read along and who we claim to be: TLS and authentication, against real sockets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest

from dispatcher.transport.port import Stage, Trouble
from dispatcher.transport.sasl import LONGEST_INITIAL_RESPONSE
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport
from dispatcher.verdict import judge
from ece_common.contracts.aliases import UseSmtp
from ece_common.egress import EgressPolicy
from tests.dispatcher.builders import a_letter, an_access, nobody
from tests.rig.certificates import Certificate, Certificates
from tests.rig.smtp_script import RecordingSmtp, _Session

USERS = {"alice": "correct horse"}


@pytest.fixture
def smtp(trusting: SmtpOptions) -> Iterator[SmtpTransport]:
    made = SmtpTransport(EgressPolicy().open_socket, trusting)
    yield made
    made.close()


def spoke_of_mail(server: RecordingSmtp) -> bool:
    return any(line.startswith(("MAIL", "RCPT", "DATA", "AUTH")) for line in server.commands)


@pytest.mark.rule(98)
async def test_with_ssl_the_connection_is_upgraded_before_anything_is_said(
    certificates: Certificates, smtp: SmtpTransport
) -> None:
    with RecordingSmtp(certificate=certificates.good, users=USERS) as server:
        access = an_access(
            server.port, server_type="ESMTP", use_ssl=True, user_name="alice", password="correct horse"
        )

        said = await smtp.send("r1", access, a_letter())

        assert said.accepted
        assert (server.received[0].tls, server.received[0].login) == (True, "alice")
        assert [line.split(" ")[0] for line in server.commands][:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]


@pytest.mark.rule(98)
async def test_with_ssl_a_server_without_starttls_gets_nothing_in_clear_text(smtp: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        access = an_access(
            server.port, server_type="ESMTP", use_ssl=True, user_name="alice", password="correct horse"
        )

        said = await smtp.send("r1", access, a_letter())

        assert (said.stage, said.trouble) == (Stage.TLS, Trouble.NOT_OFFERED)
        assert not spoke_of_mail(server)


@pytest.mark.rule(98)
async def test_with_ssl_on_the_implicit_port_tls_comes_first(
    certificates: Certificates, trusting: SmtpOptions
) -> None:
    with RecordingSmtp(certificate=certificates.good, implicit_tls=True) as server:
        options = replace(trusting, implicit_tls_ports=frozenset({server.port}))
        transport = SmtpTransport(EgressPolicy().open_socket, options)

        said = await transport.send("r1", an_access(server.port, use_ssl=True), a_letter())

        assert said.accepted
        assert server.received[0].tls
        transport.close()


@pytest.mark.rule(98)
@pytest.mark.parametrize("kind", ["expired", "wrong_name"])
@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "implicit"])
async def test_with_ssl_a_wrong_certificate_ends_it(
    certificates: Certificates, trusting: SmtpOptions, kind: str, *, implicit: bool
) -> None:
    certificate: Certificate = getattr(certificates, kind)
    with RecordingSmtp(certificate=certificate, implicit_tls=implicit) as server:
        ports = frozenset({server.port}) if implicit else frozenset[int]()
        transport = SmtpTransport(EgressPolicy().open_socket, replace(trusting, implicit_tls_ports=ports))

        said = await transport.prepare("r1", an_access(server.port, use_ssl=True))

        assert said is not None
        assert (said.stage, said.trouble) == (Stage.TLS, Trouble.TLS)
        assert "certificate" in said.detail
        assert not spoke_of_mail(server)


async def test_with_ssl_an_unknown_authority_ends_it(certificates: Certificates, transport: SmtpTransport) -> None:
    with RecordingSmtp(certificate=certificates.good) as server:
        said = await transport.prepare("r1", an_access(server.port, use_ssl=True))

        assert said is not None
        assert said.trouble is Trouble.TLS


@pytest.fixture
def bundle(certificates: Certificates) -> str:
    return certificates.ca_file.read_text(encoding="ascii")


async def test_an_alias_may_bring_its_own_authority(
    certificates: Certificates, bundle: str, transport: SmtpTransport
) -> None:
    with RecordingSmtp(certificate=certificates.good) as server:
        said = await transport.send("r1", an_access(server.port, use_ssl=True, ca_bundle=bundle), a_letter())

        assert said.accepted


async def test_an_unusable_authority_is_the_aliass_trouble(server: RecordingSmtp, transport: SmtpTransport) -> None:
    said = await transport.prepare("r1", an_access(server.port, use_ssl=True, ca_bundle="no certificate"))

    assert said is not None
    assert (said.stage, said.trouble) == (Stage.TLS, Trouble.NOT_ALLOWED)


async def test_without_ssl_a_connection_is_still_encrypted_where_the_server_can(
    certificates: Certificates, transport: SmtpTransport
) -> None:
    with RecordingSmtp(certificate=certificates.expired) as server:
        said = await transport.send("r1", an_access(server.port), a_letter())

        assert said.accepted
        assert server.received[0].tls


@pytest.mark.rule(27, 105)
async def test_smtp_never_authenticates(transport: SmtpTransport) -> None:
    with RecordingSmtp(extensions=["AUTH PLAIN LOGIN"]) as server:
        said = await transport.send("r1", an_access(server.port, user_name="alice", password="x"), a_letter())

        assert said.accepted
        assert "AUTH ..." not in server.commands


@pytest.mark.rule(27)
async def test_esmtp_authenticates_with_user_name_and_password(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        access = an_access(server.port, server_type="ESMTP", user_name="alice", password="correct horse")

        said = await transport.send("r1", access, a_letter())

        assert said.accepted
        assert server.received[0].login == "alice"


async def test_esmtp_without_a_user_name_just_sends(server: RecordingSmtp, transport: SmtpTransport) -> None:
    said = await transport.send("r1", an_access(server.port, server_type="ESMTP"), a_letter())

    assert said.accepted


async def test_a_long_password_is_sent_in_a_second_step(transport: SmtpTransport) -> None:
    password = "p" * LONGEST_INITIAL_RESPONSE
    with RecordingSmtp(users={"alice": password}) as server:
        access = an_access(server.port, server_type="ESMTP", user_name="alice", password=password)

        said = await transport.send("r1", access, a_letter())

        assert said.accepted
        assert server.received[0].login == "alice"


async def test_login_is_used_where_plain_is_not_offered(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        server.on("ehlo", "250-mx.rig.test\n250 AUTH LOGIN")
        access = an_access(server.port, server_type="ESMTP", user_name="alice", password="correct horse")

        said = await transport.send("r1", access, a_letter())

        assert said.accepted
        assert server.received[0].login == "alice"


@pytest.mark.rule(28, 96)
async def test_a_refused_login_with_never_is_not_sent_through_plain_smtp(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        access = an_access(server.port, server_type="ESMTP", user_name="alice", password="wrong", use_smtp="never")

        said = await transport.send("r1", access, a_letter())

        assert said.reply is not None
        assert (said.stage, said.reply.code) == (Stage.AUTH, 535)
        assert server.received == []
        assert server.commands.count("AUTH ...") == 1, "one wrong password is one failed login, not several"


class NoLoginNeeded(RecordingSmtp):
    """Checks logins, and takes mail without one too, as a relay in a company's own network does."""

    async def _mail(self, session: _Session, line: str) -> str:
        users, self.users = self.users, {}
        try:
            return await super()._mail(session, line)
        finally:
            self.users = users


@pytest.mark.rule(28, 95)
async def test_a_refused_login_with_when_authorization_fails_goes_through_plain_smtp(
    transport: SmtpTransport,
) -> None:
    with NoLoginNeeded(users=USERS) as server:
        access = an_access(
            server.port, server_type="ESMTP", user_name="alice", password="wrong", use_smtp="when_authorization_fails"
        )

        first = await transport.send("r1", access, a_letter())
        second = await transport.send("r1", access, a_letter())

        assert (first.accepted, first.used_smtp_fallback) == (True, True)
        assert (second.accepted, second.used_smtp_fallback) == (True, True)
        assert [message.login for message in server.accepted] == [None, None]
        assert server.commands.count("AUTH ...") == 1, "the refusal is remembered for a while"


@pytest.mark.rule(95)
async def test_a_temporary_refusal_of_the_login_is_no_reason_for_plain_smtp(transport: SmtpTransport) -> None:
    with NoLoginNeeded(users=USERS) as server:
        server.on("auth", "454 4.7.0 Temporary authentication failure")
        access = an_access(
            server.port,
            server_type="ESMTP",
            user_name="alice",
            password="correct horse",
            use_smtp="when_authorization_fails",
        )

        said = await transport.send("r1", access, a_letter())

        assert said.stage is Stage.AUTH
        assert server.received == []


@pytest.mark.rule(95, 98)
async def test_plain_smtp_keeps_the_demand_for_tls(certificates: Certificates, smtp: SmtpTransport) -> None:
    with NoLoginNeeded(users=USERS, certificate=certificates.good) as server:
        access = an_access(
            server.port,
            server_type="ESMTP",
            use_ssl=True,
            user_name="alice",
            password="wrong",
            use_smtp="when_authorization_fails",
        )

        said = await smtp.send("r1", access, a_letter())

        assert said.used_smtp_fallback
        assert server.received[0].tls


@pytest.mark.rule(94)
async def test_a_login_that_succeeds_never_falls_back(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        access = an_access(
            server.port,
            server_type="ESMTP",
            user_name="alice",
            password="correct horse",
            use_smtp="when_authorization_fails",
        )

        said = await transport.send("r1", access, a_letter())

        assert (said.accepted, said.used_smtp_fallback) == (True, False)


@pytest.mark.rule(93)
def test_there_are_two_answers_to_a_refused_login_and_each_is_tested_here() -> None:
    assert get_args(UseSmtp) == ("never", "when_authorization_fails")


@pytest.mark.rule(93)
@pytest.mark.parametrize(("use_smtp", "accepted"), [("never", False), ("when_authorization_fails", True)])
async def test_a_server_that_offers_no_login_at_all_is_one_that_refuses_it(
    server: RecordingSmtp, transport: SmtpTransport, use_smtp: UseSmtp, *, accepted: bool
) -> None:
    access = an_access(server.port, server_type="ESMTP", user_name="alice", password="x", use_smtp=use_smtp)

    said = await transport.send("r1", access, a_letter())

    assert said.accepted == accepted
    assert said.used_smtp_fallback == accepted


async def test_new_credentials_are_used_at_once(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        wrong = an_access(server.port, server_type="ESMTP", user_name="alice", password="old")
        right = wrong.model_copy(update={"password": "correct horse"})

        assert (await transport.send("r1", wrong, a_letter())).stage is Stage.AUTH
        assert (await transport.send("r1", right, a_letter())).accepted


async def test_a_large_letter_arrives_whole_over_tls(certificates: Certificates, smtp: SmtpTransport) -> None:
    letter = a_letter(body=b"0123456789\r\n.dotted\r\n" * 100_000)
    with RecordingSmtp(certificate=certificates.good) as server:
        said = await smtp.send("r1", an_access(server.port, use_ssl=True), letter)

        assert said.accepted
        assert server.received[0].content == letter.content


async def test_a_password_that_a_server_repeats_is_not_told(transport: SmtpTransport) -> None:
    with RecordingSmtp(users=USERS) as server:
        server.on("auth", "535 5.7.8 not today: correct horse")
        access = an_access(server.port, server_type="ESMTP", user_name="alice", password=USERS["alice"])
        said = await transport.prepare("r1", access)
    assert said is not None
    assert said.reply is not None
    assert said.reply.text == "5.7.8 not today: ***"


@pytest.mark.parametrize(
    ("offers", "reason"),
    [("nothing", "starttls_not_offered"), ("expired", "tls_failed"), ("good", None)],
)
async def test_a_token_leaves_this_machine_only_over_tls_with_a_valid_certificate(
    certificates: Certificates, trusting: SmtpOptions, offers: str, reason: str | None
) -> None:
    """Not even plain SMTP stands in: the mail waits until settings or server are mended."""
    offered: Certificate | None = getattr(certificates, offers, None)
    transport = SmtpTransport(EgressPolicy().open_socket, replace(trusting, trusted=nobody))
    with RecordingSmtp(users=USERS, mechanisms=("XOAUTH2",), certificate=offered) as server:
        server.tokens = {"a-token"}
        access = an_access(
            server.port,
            server_type="ESMTP",
            use_smtp="when_authorization_fails",
            user_name="alice",
            access_token="a-token",
        )
        said = await transport.send("r1", access, a_letter())
        transport.close()
        if reason is None:
            assert said.accepted
            return
        judged = judge((0,), said)
        assert (said.stage, judged.outcome, judged.reason) == (Stage.TLS, "waiting", reason)
        assert offers != "nothing" or "never sent in clear" in (judged.detail or "")
        assert not spoke_of_mail(server)
