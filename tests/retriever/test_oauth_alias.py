"""One alias of an account from login to revocation, at a real server that asks the provider about each token."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Any

import pytest
import structlog

from ece_common.contracts.instances import AssignedAlias
from ece_common.errors import Conflict
from retriever.mailbox.opening import open_mailbox
from retriever.mailbox.port import Mailbox, Settlement
from retriever.schedule import Watch
from tests.retriever.fakes import an_assigned_alias, an_email
from tests.retriever.mailbox.boxes import PROTOCOLS, Redirected, an_access, port_of, until, user_for
from tests.retriever.scene import Scene
from tests.rig.dovecot import Dovecot
from tests.rig.identity_provider import IdentityProvider
from tests.rig.processes import RigError


@pytest.mark.parametrize("kind", PROTOCOLS)
async def test_mail_comes_by_token_through_renewal_until_the_grant_is_revoked(
    kind: str, request: pytest.FixtureRequest, oauth_dovecot: Dovecot, identity_provider: IdentityProvider
) -> None:
    user, book = user_for(request), identity_provider.book
    oauth_dovecot.add_user(user)
    oauth_dovecot.deliver(user, an_email("First"))
    scene = Scene()
    scene.settings = scene.settings.model_copy(update={"poll_interval_seconds": 1})
    first, second = book.issue(user), book.issue(user)
    scene.api.tokens = [second, Conflict("the grant was revoked", code="account_invalid")]
    access = an_access(kind, port_of(oauth_dovecot, kind), user_name=user, password="", access_token=first)
    with structlog.testing.capture_logs() as logged:
        watch = Watch(an_assigned_alias(incoming=access), replace(scene.around(), build_mailbox=_real))
        task = asyncio.create_task(watch.run())
        try:
            await until(lambda: scene.api.subjects == ["First"] and watch.state == "idle")
            _end(oauth_dovecot, identity_provider, user, first)
            oauth_dovecot.deliver(user, an_email("Second"))
            await _until(scene, lambda: scene.api.subjects == ["First", "Second"] and watch.state == "idle")
            _end(oauth_dovecot, identity_provider, user, second)
            await _until(scene, lambda: len(scene.api.reports) == 1)
        finally:
            watch.halt()
            await asyncio.wait_for(task, 5)
    [report] = scene.api.reports
    assert (report.condition, report.reason, report.detail) == (
        "manual", "authentication_failed", "the grant was revoked",
    )  # fmt: skip
    told = repr((logged, scene.api.reports, watch.describe()))
    assert not any(secret in told for secret in (first, second))


def _real(alias: AssignedAlias) -> Mailbox:
    return open_mailbox(alias.incoming, Settlement("delete"), connect=Redirected())


def _end(server: Dovecot, provider: IdentityProvider, user: str, token: str) -> None:
    """No login goes with it any more, and sessions that it opened end."""
    provider.book.access_tokens[token].active = False
    with contextlib.suppress(RigError):  # POP3 has no session between two polls
        server.doveadm("kick", user)


async def _until(scene: Scene, true: Any) -> None:
    """By the scene's clock waits are over as soon as they begin."""
    async with asyncio.timeout(20):
        while not true():
            scene.clock.advance(1)
            await asyncio.sleep(0.02)
