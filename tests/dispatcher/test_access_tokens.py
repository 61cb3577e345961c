"""Sending by access token: how it is shown, what a refusal leads to, and what is never told."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator

import pytest
import structlog

from dispatcher.transport.port import Stage, Trouble
from dispatcher.transport.smtp import SmtpOptions, SmtpTransport
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.tokens import AccessToken
from ece_common.egress import EgressPolicy
from ece_common.errors import Conflict, EceError, Transient
from tests.dispatcher.builders import ALIAS, a_letter, a_message, an_access
from tests.dispatcher.conftest import Started
from tests.dispatcher.fakes import FakeQueue
from tests.dispatcher.waiting import until
from tests.rig.dovecot import Dovecot
from tests.rig.fixtures import SHARED_MAILBOX
from tests.rig.identity_provider import IdentityProvider
from tests.rig.postfix import Postfix
from tests.rig.smtp_script import RecordingSmtp

OLD, NEW, NEWER = (f"token-{word}-{'x' * 30}" for word in ("old", "new", "newer"))
SWITCHED_OFF = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."


@pytest.fixture
def office() -> Iterator[RecordingSmtp]:
    """Takes tokens, and nothing else."""
    with RecordingSmtp(users={"nobody": "x"}, mechanisms=("XOAUTH2",)) as server:
        server.tokens = {NEW}
        yield server


@pytest.fixture
def queue(office: RecordingSmtp) -> FakeQueue:
    queue = FakeQueue({"r1": bearing(office.port, OLD)})
    queue.tokens = [NEW]
    return queue


def bearing(port: int, token: str, user: str = ALIAS) -> OutgoingAccess:
    return an_access(port, server_type="ESMTP", user_name=user, access_token=token)


def asked_of(*answers: str | EceError) -> tuple[list[str], SmtpTransport]:
    """A transport, and the digests it asked with."""
    asked: list[str] = []

    async def ask(alias_id: int, refused: str | None) -> AccessToken:
        assert alias_id == 1
        assert refused is not None
        asked.append(refused)
        await asyncio.sleep(0)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, EceError):
            raise answer
        return AccessToken.model_validate({"access_token": answer, "expires_at": "2030-01-01T00:00:00Z"})

    return asked, SmtpTransport(EgressPolicy().open_socket, SmtpOptions(ehlo_name="dispatcher.test"), ask)


async def test_a_refused_token_is_replaced_and_no_message_notices(
    office: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)
    assert entry.outcomes == ["sending", "judged"]
    assert office.tokens_shown == [OLD, NEW]
    [(alias_id, asked)] = queue.token_requests
    assert (alias_id, asked.kind, asked.instance, asked.replica) == (1, "dispatcher", "default", "one")
    assert asked.refused == hashlib.sha256(OLD.encode()).hexdigest()
    assert "" in office.commands  # the answer to the challenge that told the error


async def test_connections_that_are_refused_together_ask_once(office: RecordingSmtp) -> None:
    asked, transport = asked_of(NEW)
    said = await asyncio.gather(*(transport.send("r1", bearing(office.port, OLD), a_letter()) for _ in range(6)))
    transport.close()
    assert all(each.accepted for each in said)
    assert len(asked) == 1


async def test_with_a_token_no_more_connections_are_made_than_microsoft_365_takes(office: RecordingSmtp) -> None:
    _, transport = asked_of(NEW)
    letters = (transport.send("r1", bearing(office.port, NEW), a_letter()) for _ in range(20))
    assert all(each.accepted for each in await asyncio.gather(*letters))
    assert transport.connections()["r1"]["limit"] == 3
    transport.close()
    assert office.connections <= 3


async def test_a_fresh_token_that_is_refused_as_well_is_the_aliass_trouble(
    office: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    office.tokens = set()
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)
    assert (entry.outcomes, entry.last.reason) == (["waiting"], "authentication_failed")
    assert entry.last.detail == "535 5.7.3 Authentication unsuccessful (status 401)"
    assert office.tokens_shown == [OLD, NEW]


async def test_a_token_that_was_refused_for_good_is_not_shown_again(office: RecordingSmtp) -> None:
    asked, transport = asked_of(NEW, NEWER)
    office.tokens = {NEWER}
    assert await transport.prepare("r1", bearing(office.port, OLD)) is not None
    assert await transport.prepare("r1", bearing(office.port, OLD)) is None
    transport.close()
    assert office.tokens_shown == [OLD, NEW, NEWER]
    assert asked == [hashlib.sha256(token.encode()).hexdigest() for token in (OLD, NEW)]


@pytest.mark.parametrize(
    ("problem", "reason", "detail"),
    [
        (Conflict("the account is not authorized: it was revoked", code="account_invalid"),
         "authentication_failed", "the account is not authorized: it was revoked"),
        (Transient("login.test answered 503"),
         "access_token_unavailable", "No access token can be had now: login.test answered 503"),
    ],
)  # fmt: skip
async def test_without_a_token_the_message_waits_with_the_reason(
    problem: EceError, reason: str, detail: str, queue: FakeQueue, running: Started
) -> None:
    queue.tokens = [problem]
    await queue.put(a_message(1))
    async with running(queue):
        [entry] = await queue.ended(1)
    assert (entry.outcomes, entry.last.reason, entry.last.detail) == (["waiting"], reason, detail)


async def test_credentials_that_exchange_calls_incorrect_may_be_a_token_that_has_run_out(
    office: RecordingSmtp,
) -> None:
    asked, transport = asked_of(NEW)
    office.tokens = {OLD, NEW}
    office.on("auth", "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.", times=1)
    assert await transport.prepare("r1", bearing(office.port, OLD)) is None
    transport.close()
    assert len(asked) == 1


async def test_where_smtp_is_switched_off_no_token_is_asked_for(office: RecordingSmtp) -> None:
    asked, transport = asked_of(NEW)
    office.on("auth", SWITCHED_OFF)
    said = await transport.prepare("r1", bearing(office.port, OLD))
    transport.close()
    assert said is not None
    assert said.reply is not None
    assert said.reply.text.startswith("5.7.139")
    assert asked == []


@pytest.mark.parametrize("refusal", ["535 5.7.3 Authentication unsuccessful", "530 5.7.57 Client not authenticated"])
async def test_a_token_that_runs_out_in_a_session_costs_the_letter_nothing(
    refusal: str, office: RecordingSmtp
) -> None:
    asked, transport = asked_of(NEW)
    office.tokens = {OLD, NEW}
    access = bearing(office.port, OLD)
    assert (await transport.send("r1", access, a_letter())).accepted
    office.on("mail", refusal, times=1)
    assert (await transport.send("r1", access, a_letter())).accepted
    transport.close()
    assert office.tokens_shown == [OLD, NEW]
    assert len(asked) == 1


async def test_a_server_that_ends_every_session_for_its_token_is_believed(office: RecordingSmtp) -> None:
    asked, transport = asked_of(NEW, NEWER)
    office.tokens = {OLD, NEW, NEWER}
    office.on("mail", "535 5.7.3 Authentication unsuccessful")
    said = await transport.send("r1", bearing(office.port, OLD), a_letter())
    assert said.stage is Stage.MAIL
    again = await transport.send("r1", bearing(office.port, OLD), a_letter())
    transport.close()
    assert not again.accepted
    assert len(asked) == 1


async def test_a_new_token_keeps_the_connections_and_is_used_for_new_ones(office: RecordingSmtp) -> None:
    _, transport = asked_of(NEWER)
    office.tokens = {OLD, NEW}
    for token in (OLD, NEW):
        assert (await transport.send("r1", bearing(office.port, token), a_letter())).accepted
    assert office.connections == 1
    office.reset_connections()
    await until(lambda: transport.connections()["r1"]["idle"] == 1)
    assert (await transport.send("r1", bearing(office.port, NEW), a_letter())).accepted
    transport.close()
    assert office.tokens_shown == [OLD, NEW]


async def test_a_long_token_goes_in_a_step_of_its_own(office: RecordingSmtp) -> None:
    long = "y" * 3000
    _, transport = asked_of(NEW)
    office.tokens = {long}
    assert await transport.prepare("r1", bearing(office.port, long)) is None
    transport.close()


async def test_oauthbearer_is_used_where_xoauth2_is_not_offered() -> None:
    with RecordingSmtp(users={"nobody": "x"}, mechanisms=("PLAIN", "OAUTHBEARER")) as server:
        asked, transport = asked_of(NEW)
        server.tokens = {NEW}
        assert (await transport.send("r1", bearing(server.port, OLD), a_letter())).accepted
        transport.close()
    assert len(asked) == 1
    assert "AQ==" in server.commands
    assert server.received[0].login == ALIAS


async def test_a_server_that_takes_no_token_is_named() -> None:
    with RecordingSmtp(users={"nobody": "x"}) as server:
        asked, transport = asked_of(NEW)
        said = await transport.prepare("r1", bearing(server.port, OLD))
        transport.close()
    assert said is not None
    assert said.trouble is Trouble.NOT_OFFERED
    assert asked == []


async def test_what_a_server_repeats_of_a_token_is_not_told(
    office: RecordingSmtp, queue: FakeQueue, running: Started
) -> None:
    shown = base64.b64encode(f"user={ALIAS}\1auth=Bearer {NEW}\1\1".encode()).decode()
    office.on("auth", f"535 5.7.3 no: {NEW}, {OLD}, {shown}, {shown[5:90]}")
    office.tokens = set()
    await queue.put(a_message(1))
    with structlog.testing.capture_logs() as logged:
        async with running(queue) as here:
            [entry] = await queue.ended(1)
            told = repr((here.dispatcher.status(), entry, queue.routes, queue.requests, logged))
    assert "5.7.3 no: ***" in told
    assert re.search(re.escape(NEW), told) is None
    assert shown[5:60] not in told


async def test_postfix_takes_mail_by_tokens_that_dovecot_checks(
    oauth_dovecot: Dovecot, oauth_postfix: Postfix, identity_provider: IdentityProvider
) -> None:
    user, book = "sender@rig.test", identity_provider.book
    for address in (user, "customer@rig.test"):
        oauth_dovecot.add_user(address)
    book.padding = 1500
    first = book.issue(user)
    asked, transport = asked_of(book.issue(user), Conflict("revoked", code="account_invalid"))
    letter = a_letter("customer@rig.test", sender=user)
    book.access_tokens[first].active = False
    assert (await transport.send("r1", bearing(oauth_postfix.smtp, first, user), letter)).accepted
    await until(lambda: len(oauth_dovecot.messages("customer@rig.test")) == 1)
    book.end_access_tokens(user)
    transport.close()
    _, another = asked_of(Conflict("the grant was revoked", code="account_invalid"))
    said = await another.send("r1", bearing(oauth_postfix.smtp, first, user), letter)
    another.close()
    assert (said.stage, said.trouble, said.detail) == (Stage.AUTH, Trouble.ACCOUNT_REFUSES, "the grant was revoked")
    assert len(asked) == 1


async def test_a_shared_mailbox_sends_with_the_token_of_who_may_open_it(
    oauth_postfix: Postfix, identity_provider: IdentityProvider
) -> None:
    identity_provider.share(SHARED_MAILBOX, "anna@rig.test")
    for user, fits in (("anna@rig.test", True), ("bob@rig.test", False)):
        _, transport = asked_of(Conflict("no other", code="account_invalid"))
        access = bearing(oauth_postfix.smtp, identity_provider.book.issue(user), SHARED_MAILBOX)
        assert (await transport.prepare("r1", access) is None) == fits
        transport.close()
