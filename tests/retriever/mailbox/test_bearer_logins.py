"""Logins by access token, with servers that check it by introspection and with servers of other habits."""

import base64
import json
from collections.abc import Iterator

import pytest

from retriever.mailbox import bearer
from retriever.mailbox.port import MailFailure
from tests.retriever.mailbox.boxes import (
    PROTOCOLS,
    Redirected,
    a_mailbox,
    an_access,
    everything,
    port_of,
    until,
    user_for,
)
from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.fixtures import SHARED_MAILBOX
from tests.rig.identity_provider import IdentityProvider, Outage
from tests.rig.line_script import LineServer, On, Script
from tests.rig.mails import a_mail

CHALLENGE = base64.b64encode(b'{"status":"401","schemes":"bearer","scope":"mail"}').decode()
XOAUTH2 = {"IMAP": "IMAP4rev1 SASL-IR AUTH=XOAUTH2", "POP3": "SASL XOAUTH2\r\nUIDL"}
OAUTHBEARER = {"IMAP": "IMAP4rev1 SASL-IR AUTH=OAUTHBEARER AUTH=PLAIN", "POP3": "SASL PLAIN OAUTHBEARER\r\nUIDL"}


def test_xoauth2_is_what_microsoft_documents() -> None:
    access = an_access(
        "IMAP", 993, user_name="test@contoso.onmicrosoft.com", access_token="EwBAAl3BAAUFFpUAo7J3Ve0bjLBWZWCclRC3EoAA"
    )
    assert base64.b64encode(bearer.response("XOAUTH2", access)) == (
        b"dXNlcj10ZXN0QGNvbnRvc28ub25taWNyb3NvZnQuY29tAWF1dGg9QmVhcmVyIEV3QkFBbDNCQUFVRkZwVUFvN0ozVmUwYmpMQldaV0Nj"
        b"bFJDM0VvQUEBAQ=="
    )


def test_oauthbearer_is_that_of_rfc_7628_section_4_1() -> None:
    access = an_access(
        "IMAP", 143, server_name="server.example.com", user_name="user@example.com",
        access_token="vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
    )  # fmt: skip
    assert bearer.response("OAUTHBEARER", access) == (
        b"n,a=user@example.com,\1host=server.example.com\1port=143\1"
        b"auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1"
    )
    odd = access.model_copy(update={"user_name": "a=b,c@example.com"})
    assert bearer.response("OAUTHBEARER", odd).startswith(b"n,a=a=3Db=2Cc@example.com,\1")


@pytest.mark.parametrize("challenge", [b"+ ", b"+ !!!", b"+ bnVsbA==", b"+ e30=", b"+ eyJzdGF0dXMiOltdfQ=="])
def test_a_challenge_without_status_adds_nothing(challenge: bytes) -> None:
    assert bearer.told("NO failed", challenge) == "NO failed"


@pytest.mark.parametrize("kind", PROTOCOLS)
@pytest.mark.parametrize("padding", [0, 2500])
async def test_mail_is_read_with_a_token_short_or_long(
    kind: str,
    padding: int,
    request: pytest.FixtureRequest,
    oauth_dovecot: Dovecot,
    identity_provider: IdentityProvider,
) -> None:
    user = user_for(request)
    oauth_dovecot.add_user(user)
    oauth_dovecot.deliver(user, a_mail("plain"))
    identity_provider.book.padding = padding
    token = identity_provider.book.issue(user)
    access = an_access(kind, port_of(oauth_dovecot, kind), user_name=user, password="", access_token=token)
    async with a_mailbox(access) as box:
        assert len(await everything(box)) == 1


@pytest.fixture(scope="module")
def standard_dovecot(_the_identity_provider: IdentityProvider, certificates: Certificates) -> Iterator[Dovecot]:
    """Offers OAUTHBEARER, and no XOAUTH2."""
    options = DovecotOptions(
        certificate=certificates.good,
        introspection_url=_the_identity_provider.introspection_url,
        introspection_ca_file=certificates.ca_file,
        extra="auth_mechanisms = plain oauthbearer",
    )
    with Dovecot(options) as server:
        yield server


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_oauthbearer_opens_a_real_mailbox_and_its_refusal_has_a_status(
    kind: str, request: pytest.FixtureRequest, standard_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    user = user_for(request)
    standard_dovecot.add_user(user)
    token = identity_provider.book.issue(user)
    access = an_access(kind, port_of(standard_dovecot, kind), user_name=user, password="", access_token=token)
    async with a_mailbox(access) as box:
        await box.open()
    identity_provider.book.end_access_tokens(user)
    async with a_mailbox(access) as box:
        with pytest.raises(MailFailure, match="invalid_token"):
            await box.open()


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_a_token_that_ended_is_refused_with_its_status(
    kind: str, request: pytest.FixtureRequest, oauth_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    user = user_for(request)
    oauth_dovecot.add_user(user)
    token = identity_provider.book.issue(user)
    identity_provider.book.end_access_tokens(user)
    access = an_access(kind, port_of(oauth_dovecot, kind), user_name=user, password="", access_token=token)
    with pytest.raises(MailFailure) as refused:
        async with a_mailbox(access) as box:
            await box.open()
    failure = refused.value
    assert (failure.condition, failure.reason, failure.stage) == ("manual", "authentication_failed", "auth")
    assert "(status 401)" in failure.detail
    assert token not in failure.detail


async def test_a_login_goes_on_with_the_token_told_last(
    request: pytest.FixtureRequest, oauth_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    user = user_for(request)
    oauth_dovecot.add_user(user)
    book = identity_provider.book
    access = an_access("IMAP", oauth_dovecot.ports.imap, user_name=user, password="", access_token=book.issue(user))
    async with a_mailbox(access) as box:
        await box.open()
        book.end_access_tokens(user)
        box.log_in_with(access.model_copy(update={"access_token": book.issue(user)}))
        assert await box.list(10) == []
        await box.close()
        await box.open()


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_a_shared_mailbox_opens_with_the_token_of_who_may_open_it(
    kind: str, oauth_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    identity_provider.share(SHARED_MAILBOX, "anna@rig.test")
    for user, fits in (("anna@rig.test", True), ("bob@rig.test", False)):
        token = identity_provider.book.issue(user)
        access = an_access(
            kind, port_of(oauth_dovecot, kind), user_name=SHARED_MAILBOX, password="", access_token=token
        )
        async with a_mailbox(access) as box:
            if fits:
                await box.open()
                continue
            with pytest.raises(MailFailure, match="authentication_failed"):
                await box.open()


async def test_a_server_that_cannot_check_the_token_now_is_no_refusal(
    request: pytest.FixtureRequest, oauth_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    user = user_for(request)
    oauth_dovecot.add_user(user)
    token = identity_provider.book.issue(user)
    identity_provider.outage = Outage(500, path="/introspect")
    access = an_access("IMAP", oauth_dovecot.ports.imap, user_name=user, password="", access_token=token)
    with pytest.raises(MailFailure) as refused:
        async with a_mailbox(access) as box:
            await box.open()
    assert (refused.value.condition, refused.value.reason) == ("recoverable", "server_stopped")


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_oauthbearer_is_used_where_xoauth2_is_not_offered_and_its_error_is_answered(kind: str) -> None:
    token = "EwBAAl3B-the-token"
    with LineServer(_refusing(kind, "OAUTHBEARER", OAUTHBEARER[kind])) as server:
        with pytest.raises(MailFailure) as refused:
            async with a_mailbox(an_access(kind, server.port, password="", access_token=token)) as box:
                await box.open()
        await until(lambda: "AQ==" in server.lines)
    assert refused.value.reason == "authentication_failed"
    assert "(status 401)" in refused.value.detail
    sent = next(base64.b64decode(line.split()[-1]) for line in server.lines if "bixhPW" in line)
    assert sent.startswith(b"n,a=box@rig.test,\1host=127.0.0.1\1")
    assert token not in str(refused.value)


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_xoauth2s_error_is_answered_with_an_empty_line(kind: str) -> None:
    with LineServer(_refusing(kind, "XOAUTH2", XOAUTH2[kind])) as server:
        with pytest.raises(MailFailure) as refused:
            async with a_mailbox(an_access(kind, server.port, password="", access_token="EwBAAl3B")) as box:
                await box.open()
        await until(lambda: "" in server.lines)
    assert "(status 401)" in refused.value.detail


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_a_server_that_takes_no_token_is_named(kind: str) -> None:
    offered = {"IMAP": "IMAP4rev1 AUTH=PLAIN", "POP3": "SASL PLAIN\r\nUIDL"}[kind]
    with LineServer(_refusing(kind, "XOAUTH2", offered)) as server, pytest.raises(MailFailure) as refused:
        async with a_mailbox(an_access(kind, server.port, password="", access_token="EwBAAl3B")) as box:
            await box.open()
    assert refused.value.reason == "server_refuses"
    assert "neither XOAUTH2 nor OAUTHBEARER" in refused.value.detail


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_a_token_that_a_server_repeats_is_not_told(kind: str) -> None:
    token = "short-token-of-no-length"
    response = base64.b64encode(f"user=box@rig.test\1auth=Bearer {token}\1\1".encode()).decode()
    says = f"failed for {token}, that is {response}, {json.dumps({'t': token})}"
    with LineServer(_refusing(kind, "XOAUTH2", XOAUTH2[kind], says)) as server, pytest.raises(MailFailure) as refused:
        async with a_mailbox(an_access(kind, server.port, password="", access_token=token)) as box:
            await box.open()
    assert token not in str(refused.value)
    assert response not in str(refused.value)


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_a_token_is_not_said_in_clear_to_a_server_that_is_not_this_machine(kind: str) -> None:
    """As where STARTTLS or STLS was stripped on the way."""
    access = {"password": "", "access_token": "EwBAAl3B-the-token"}
    with LineServer(_refusing(kind, "XOAUTH2", XOAUTH2[kind])) as server, pytest.raises(MailFailure) as refused:
        async with a_mailbox(an_access(kind, server.port, **access), connect=Redirected(far=True)) as box:
            await box.open()
    failure = refused.value
    assert (failure.condition, failure.reason, failure.stage) == ("manual", "server_refuses", "tls")
    assert failure.detail.startswith("the server offers no TLS: an access token is never sent in clear")
    assert not any("AUTH" in line for line in server.lines)


@pytest.mark.parametrize("kind", PROTOCOLS)
@pytest.mark.parametrize("known", [True, False])
async def test_over_starttls_a_token_is_said_to_a_server_with_a_valid_certificate(
    kind: str,
    request: pytest.FixtureRequest,
    oauth_dovecot: Dovecot,
    identity_provider: IdentityProvider,
    certificates: Certificates,
    *,
    known: bool,
) -> None:
    """Who can strip STARTTLS can show a certificate of their own instead."""
    user = user_for(request)
    oauth_dovecot.add_user(user)
    token = identity_provider.book.issue(user)
    access = an_access(kind, port_of(oauth_dovecot, kind), user_name=user, password="", access_token=token)
    connect = Redirected(certificates.ca_file if known else None, far=True)
    async with a_mailbox(access, connect=connect) as box:
        if known:
            await box.open()
            return
        with pytest.raises(MailFailure) as refused:
            await box.open()
    assert (refused.value.condition, refused.value.reason) == ("manual", "certificate_not_valid")


def _refusing(kind: str, mechanism: str, offered: str, says: str = "AUTHENTICATE failed.") -> Script:
    """A challenge after the token, whatever form it comes in; then the refusal."""
    if kind == "IMAP":
        refusal = On(f"AUTHENTICATE {mechanism}", f"+ {CHALLENGE}", "{tag} NO " + says)
        return Script("* OK ready", [On("CAPABILITY", f"* CAPABILITY {offered}", "{tag} OK"), refusal], otherwise=())
    return Script(
        "+OK ready",
        [
            On("CAPA", f"+OK\r\n{offered}\r\n."),
            On(f"AUTH {mechanism}", "+ "),
            On("^(AQ==)?$", f"-ERR {says}"),
            On("^[A-Za-z0-9+/=]{20,}$", f"+ {CHALLENGE}"),
        ],
    )
