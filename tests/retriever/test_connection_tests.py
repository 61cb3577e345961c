"""A connection test of the incoming side: as real work would, once more where that may help, and told so."""

import asyncio
import base64
import socket
import ssl
from typing import Any

import pytest

from ece_common.bearer import digest
from ece_common.contracts.aliases import TlsOptions
from ece_common.contracts.jobs import ConnectionStep
from ece_common.contracts.tokens import AccessToken
from ece_common.errors import Conflict, EceError, Transient
from retriever.mailbox.connection import Connector
from retriever.mailbox.probing import probe
from tests.retriever.mailbox.boxes import Redirected, an_access
from tests.rig.line_script import LineServer, On, Script
from tests.rig.ports import free_port

OLD, NEW = "the-old-token", "the-new-token"
NOT_CONNECTED = "User is authenticated but not connected."
Outcomes = dict[str, str]


class Provider:
    """Gives one answer to whoever asks for another token."""

    def __init__(self, answer: str | EceError = NEW) -> None:
        self._answer = answer
        self.asked: list[str] = []

    async def another(self, refused: str) -> AccessToken:
        self.asked.append(refused)
        if isinstance(self._answer, EceError):
            raise self._answer
        return AccessToken.model_validate({"access_token": self._answer, "expires_at": "2030-01-01T00:00:00Z"})


def office(*rules: On, takes: str = NEW) -> Script:
    """A server that takes one token, and refuses the others in its own words."""
    shown = base64.b64encode(f"user=box@rig.test\1auth=Bearer {takes}\1\1".encode()).decode()
    usual = [
        On("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2", "{tag} OK done"),
        On(f"AUTHENTICATE XOAUTH2 {shown}", "{tag} OK in"),
        On("AUTHENTICATE", "{tag} NO AUTHENTICATE failed."),
        On("SELECT", "* 3 EXISTS", "* OK [UIDVALIDITY 7] valid", "{tag} OK [READ-WRITE] selected"),
        On("LOGOUT", "* BYE bye", "{tag} OK out"),
    ]
    return Script("* OK ready", [*rules, *usual])


async def tried_steps(
    *scripts: Script, provider: Provider | None = None, seconds: float = 10, **changes: Any
) -> tuple[list[ConnectionStep], LineServer]:
    with LineServer(*scripts) as server:
        access = an_access("IMAP", server.port, **{"password": "", "access_token": OLD, **changes})
        return await probe(access, None, Redirected(), (provider or Provider()).another, seconds), server


def outcomes(steps: list[ConnectionStep]) -> Outcomes:
    return {one.step: one.outcome for one in steps}


def step(steps: list[ConnectionStep], name: str) -> ConnectionStep:
    return next(one for one in steps if one.step == name)


@pytest.mark.rule(191, 195)
async def test_a_refused_token_is_replaced_once_and_the_steps_say_so() -> None:
    provider = Provider()
    steps, _ = await tried_steps(office(), provider=provider)
    assert [one.step for one in steps][:2] == ["token", "dns"]
    assert "failed" not in outcomes(steps).values()
    assert step(steps, "token").detail == (
        "The server refused the token that was there (NO AUTHENTICATE failed.); a fresh one was not refused."
    )
    assert provider.asked == [digest(OLD)]


@pytest.mark.rule(196)
async def test_a_fresh_token_that_is_refused_as_well_is_told_in_the_servers_words_with_a_hint() -> None:
    steps, server = await tried_steps(office(takes="another"))
    assert "was refused as well" in step(steps, "token").detail
    login = step(steps, "auth")
    assert (login.outcome, login.detail) == ("failed", "NO AUTHENTICATE failed.")
    assert "token" in login.hint
    assert len([line for line in server.lines if "AUTHENTICATE" in line]) == 2
    assert not any(token in repr(steps) for token in (OLD, NEW))


@pytest.mark.rule(196)
@pytest.mark.parametrize(
    ("problem", "hint"),
    [
        (Conflict("the account is not authorized: it was revoked", code="account_invalid"), "Authorize"),
        (Transient("login.test answered 503"), "Try again"),
    ],
)
async def test_without_another_token_both_refusals_are_told(problem: EceError, hint: str) -> None:
    steps, _ = await tried_steps(office(), provider=Provider(problem))
    token = step(steps, "token")
    assert (token.outcome, step(steps, "auth").outcome) == ("failed", "failed")
    assert problem.detail in token.detail
    assert token.hint.startswith(hint)


async def test_a_provider_that_repeats_the_refused_token_is_named() -> None:
    steps, server = await tried_steps(office(), provider=Provider(OLD))
    assert step(steps, "token").outcome == "failed"
    assert len([line for line in server.lines if "AUTHENTICATE" in line]) == 1


async def test_no_token_is_asked_for_where_none_was_refused() -> None:
    provider = Provider()
    steps, _ = await tried_steps(office(takes=OLD), provider=provider)
    assert "token" not in outcomes(steps)
    steps, _ = await tried_steps(office(), provider=provider, access_token=None, password="wrong")
    assert outcomes(steps)["auth"] == "failed"
    assert provider.asked == []


@pytest.mark.rule(196)
async def test_a_mailbox_that_opens_at_the_second_connection_works_and_one_that_does_not_is_explained() -> None:
    shut = office(On("SELECT", "{tag} NO " + NOT_CONNECTED), takes=OLD)
    steps, _ = await tried_steps(shut, office(takes=OLD))
    assert "failed" not in outcomes(steps).values()
    steps, server = await tried_steps(shut)
    folder = step(steps, "select")
    assert (folder.outcome, server.connections) == ("failed", 2)
    assert NOT_CONNECTED in folder.detail
    assert "IMAP is enabled" in folder.hint


@pytest.mark.rule(196)
async def test_a_server_that_does_not_greet_is_named_with_the_step_before_the_job_ends() -> None:
    steps, _ = await tried_steps(Script(None, []), seconds=2)
    assert (outcomes(steps)["tcp"], outcomes(steps)["greeting"], outcomes(steps)["auth"]) == (
        "ok", "failed", "skipped",
    )  # fmt: skip
    assert "stopped answering (greeting)" in step(steps, "greeting").detail
    assert "use_ssl" in step(steps, "greeting").hint


@pytest.mark.rule(196)
async def test_what_an_account_brings_along_is_mended_where_it_stands() -> None:
    """Its aliases have no server and no port of their own."""
    by_password, by_token = (
        an_access("IMAP", free_port(), **changes) for changes in ({}, {"password": "", "access_token": OLD})
    )
    for access, place in ((by_password, "`incoming.port`"), (by_token, "the OAuth application's `servers`")):
        steps = await probe(access, None, Redirected(), Provider().another, 5)
        assert place in step(steps, "tcp").hint


async def test_a_login_that_is_not_answered_is_named_as_such() -> None:
    steps, _ = await tried_steps(office(On("AUTHENTICATE")), seconds=2)
    assert (outcomes(steps)["auth"], outcomes(steps)["select"]) == ("failed", "skipped")


@pytest.mark.rule(196)
async def test_a_token_that_would_go_in_clear_is_a_failed_step_with_a_hint() -> None:
    provider = Provider()
    with LineServer(office(takes=OLD)) as server:
        access = an_access("IMAP", server.port, password="", access_token=OLD)
        steps = await probe(access, None, Redirected(far=True), provider.another, 10)
    secured = step(steps, "tls")
    assert (secured.outcome, outcomes(steps)["auth"]) == ("failed", "skipped")
    assert "offers no TLS" in secured.detail
    assert "`use_ssl`" in secured.hint
    assert provider.asked == []


class Blackhole(Connector):
    """A firewall that drops what it does not like."""

    async def open(self, host: str, port: int) -> socket.socket:
        await asyncio.Event().wait()
        raise AssertionError((host, port))

    def tls(self, options: TlsOptions, *, verified: bool) -> ssl.SSLContext:
        raise AssertionError((options, verified))

    def trusts(self, peer: str) -> bool:
        raise AssertionError(peer)


@pytest.mark.rule(196)
async def test_a_port_behind_a_firewall_is_a_failed_tcp_step_and_no_failed_job() -> None:
    steps = await probe(an_access("IMAP", 993, use_ssl=True), None, Blackhole(), Provider().another, 0.1)
    failed = step(steps, "tcp")
    assert (failed.outcome, outcomes(steps)["dns"]) == ("failed", "ok")
    assert failed.detail == "127.0.0.1:993 did not answer the connection in time"
    assert "firewalls" in failed.hint
