"""A connection test of the outgoing side: it tries what sending would, with a fresh token where one is refused."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dispatcher.errands import Errands
from dispatcher.transport.smtp import SmtpOptions
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.jobs import ConnectionStep, Job
from ece_common.contracts.tokens import AccessToken
from ece_common.egress import EgressPolicy
from ece_common.errors import Conflict, EceError
from ece_common.trying import Another
from tests.dispatcher.builders import ALIAS, an_access, nobody
from tests.rig.line_script import LineServer, Script
from tests.rig.smtp_script import RecordingSmtp

OLD, NEW = (f"token-{word}-{'x' * 30}" for word in ("old", "new"))


@pytest.fixture
def office() -> Iterator[RecordingSmtp]:
    """Takes tokens, and nothing else."""
    with RecordingSmtp(users={"nobody": "x"}, mechanisms=("XOAUTH2",)) as server:
        server.tokens = {NEW}
        yield server


async def tried_steps(
    access: OutgoingAccess, options: SmtpOptions, answer: str | EceError = NEW, *, seconds: float = 20
) -> dict[str, ConnectionStep]:
    def another(job_id: str) -> Another:
        async def ask(refused: str) -> AccessToken:
            assert (job_id, len(refused)) == ("a job", 64)
            if isinstance(answer, EceError):
                raise answer
            return AccessToken.model_validate({"access_token": answer, "expires_at": "2030-01-01T00:00:00Z"})

        return ask

    job = Job(id="a job", kind="test_outgoing", seconds=seconds, outgoing=access, mail_from=ALIAS)
    steps = await Errands(EgressPolicy().open_socket, options, another).do(job)
    assert not any(token in repr(steps) for token in (OLD, NEW))
    return {one.step: one for one in steps}


def bearing(port: int) -> OutgoingAccess:
    return an_access(port, server_type="ESMTP", user_name=ALIAS, access_token=OLD)


@pytest.mark.rule(191, 195)
async def test_a_refused_token_is_replaced_once_and_the_steps_say_so(
    office: RecordingSmtp, options: SmtpOptions
) -> None:
    steps = await tried_steps(bearing(office.port), options)
    assert next(iter(steps)) == "token"
    assert "failed" not in {one.outcome for one in steps.values()}
    assert "535 5.7.3" in steps["token"].detail
    assert office.tokens_shown == [OLD, NEW]


@pytest.mark.rule(196)
async def test_a_fresh_token_that_is_refused_as_well_is_told_in_the_servers_words_with_a_hint(
    office: RecordingSmtp, options: SmtpOptions
) -> None:
    office.tokens = set()
    steps = await tried_steps(bearing(office.port), options)
    assert "was refused as well" in steps["token"].detail
    assert steps["auth"].detail == "535 5.7.3 Authentication unsuccessful (status 401)"
    assert "token" in steps["auth"].hint
    assert office.tokens_shown == [OLD, NEW]


@pytest.mark.rule(196)
async def test_without_another_token_both_refusals_are_told(office: RecordingSmtp, options: SmtpOptions) -> None:
    lost = Conflict("the account is not authorized: it was revoked", code="account_invalid")
    steps = await tried_steps(bearing(office.port), options, lost)
    assert (steps["token"].outcome, steps["auth"].outcome) == ("failed", "failed")
    assert lost.detail in steps["token"].detail


@pytest.mark.rule(196)
@pytest.mark.parametrize(
    ("refusal", "hint"),
    [
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.", "Switch"),
        ("535 5.7.30 Basic authentication is not supported for Client Submission.", "Switch"),
        ("454 4.7.0 Temporary authentication failure", "The server asks to wait"),
        ("432 4.3.2 Concurrent connections limit exceeded.", "The server asks to wait"),
    ],
)
async def test_what_no_token_mends_asks_for_none_and_has_its_own_hint(
    refusal: str, hint: str, office: RecordingSmtp, options: SmtpOptions
) -> None:
    office.on("auth", refusal)
    office.tokens = {OLD}
    steps = await tried_steps(bearing(office.port), options)
    assert "token" not in steps
    assert steps["auth"].detail == refusal
    assert steps["auth"].hint.startswith(hint)


@pytest.mark.rule(196)
async def test_a_server_that_does_not_greet_is_named_with_the_step_before_the_job_ends(options: SmtpOptions) -> None:
    with LineServer(Script(None, [])) as server:
        steps = await tried_steps(bearing(server.port), options, seconds=9)
    assert (steps["tcp"].outcome, steps["greeting"].outcome) == ("ok", "failed")


@pytest.mark.rule(196)
async def test_a_token_that_would_go_in_clear_is_a_failed_step_with_a_hint(
    office: RecordingSmtp, options: SmtpOptions
) -> None:
    steps = await tried_steps(bearing(office.port), replace(options, trusted=nobody))
    assert (steps["tls"].outcome, steps["auth"].outcome) == ("failed", "skipped")
    assert "offers no TLS" in steps["tls"].detail
    assert "`use_ssl`" in steps["tls"].hint
    assert office.tokens_shown == []


def _no_token(job_id: str) -> Another:
    async def ask(refused: str) -> AccessToken:
        raise AssertionError((job_id, refused))

    return ask


async def test_a_port_behind_a_firewall_is_a_failed_tcp_step_and_no_failed_job(options: SmtpOptions) -> None:
    given: list[float] = []

    async def silent(host: str, port: int, seconds: float) -> socket.socket:
        given.append(seconds)
        await asyncio.sleep(0)
        raise TimeoutError(f"{host}:{port} did not answer within {seconds:g} seconds")

    errands = Errands(silent, replace(options, timeouts=SmtpOptions("x").timeouts), _no_token)
    job = Job(id="a job", kind="test_outgoing", seconds=20, outgoing=bearing(587), mail_from=ALIAS)
    steps = {one.step: one for one in await errands.do(job)}
    assert steps["tcp"].outcome == "failed"
    assert given == [7.5]
