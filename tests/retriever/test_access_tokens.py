"""An alias that logs in by access token: the newest is used, a refused one is replaced once, then it counts."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest
import structlog

from ece_common.contracts.instances import AssignedAlias
from ece_common.contracts.tokens import PROVIDER_AWAY
from ece_common.errors import Conflict, EceError, Transient
from retriever.logins import Logins
from retriever.mailbox.port import MailFailure
from retriever.reopening import needs_restart
from retriever.schedule import Watch
from tests.retriever.fakes import START, an_assigned_alias, an_email, some_access, until
from tests.retriever.scene import Scene, in_state

EXPIRED = MailFailure(
    "manual", "authentication_failed", "BYE Session invalidated - AccessTokenExpired", stage="session"
)


def with_token(token: str | None, **changes: object) -> AssignedAlias:
    expires = START + timedelta(hours=1) if token else None
    access = some_access(password="", access_token=token, access_token_expires_at=expires)
    return an_assigned_alias(incoming=access, **changes)


def a_scene(*answers: str | EceError, takes: Sequence[str] = ("new",)) -> Scene:
    scene = Scene(an_email("Hello"))
    scene.api.tokens = list(answers)
    scene.server.takes_tokens = set(takes)
    return scene


async def test_a_refused_token_is_replaced_once_and_nothing_is_counted() -> None:
    scene = a_scene("new")
    async with scene.watching(with_token("old")) as watch:
        await until(lambda: scene.api.subjects == ["Hello"])
        assert watch.alias.status == "active"
    assert scene.server.logged_in_with == ["old", "new"]
    [(alias_id, asked)] = scene.api.token_requests
    assert (alias_id, asked.kind, asked.instance, asked.replica) == (7, "retriever", "default", "one")
    assert asked.refused == hashlib.sha256(b"old").hexdigest()
    assert scene.api.reports == []


async def test_a_token_that_runs_out_in_a_session_is_replaced_and_the_session_reopened() -> None:
    scene = a_scene("new", takes=("old", "new"))
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "idle"))
        scene.server.cut_off_with = EXPIRED
        scene.server.drop_connections()
        await until(lambda: scene.server.logged_in_with == ["old", "new"])
        await until(in_state(watch, "idle"))
    assert scene.api.reports == []


async def test_a_fresh_token_that_is_refused_as_well_counts() -> None:
    scene = a_scene("new", "newer", takes=())
    async with scene.watching(with_token("old")):
        await until(lambda: len(scene.api.reports) == 1)
        assert scene.server.logged_in_with == ["old", "new"]
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: len(scene.api.reports) == 2)
    assert scene.server.logged_in_with == ["old", "new", "newer"]
    [first, _] = scene.api.reports
    assert (first.condition, first.reason, first.detail) == (
        "manual", "authentication_failed", "NO AUTHENTICATE failed.",
    )  # fmt: skip


async def test_a_server_that_ends_each_session_for_its_token_is_not_asked_about_for_ever() -> None:
    scene = a_scene("new", takes=("old", "new"))
    scene.server.cut_off_with = EXPIRED
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "idle"))
        scene.server.drop_connections()
        await until(lambda: scene.server.logged_in_with == ["old", "new"])
        await until(in_state(watch, "idle"))
        scene.server.drop_connections()
        await until(lambda: len(scene.api.reports) == 1)
    assert len(scene.api.token_requests) == 1


@pytest.mark.rule(131)
async def test_an_account_that_gives_no_token_is_an_authentication_failure_with_its_reason() -> None:
    lost = Conflict("the account is not authorized: the grant was revoked", code="account_invalid")
    scene = a_scene(lost)
    async with scene.watching(with_token("old")):
        await until(lambda: len(scene.api.reports) == 1)
    [report] = scene.api.reports
    assert (report.condition, report.reason) == ("manual", "authentication_failed")
    assert report.detail == "the account is not authorized: the grant was revoked"


async def test_an_identity_provider_that_is_away_is_a_network_problem_and_the_refused_token_is_not_tried_again() -> (
    None
):
    scene = a_scene(Transient("login.test answered 503", code=PROVIDER_AWAY), "new")
    async with scene.watching(with_token("old")):
        await until(lambda: len(scene.api.reports) == 1)
        assert (scene.api.reports[0].condition, scene.api.reports[0].reason) == ("recoverable", "network_problem")
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.server.logged_in_with == ["old", "new"]


async def test_while_the_config_apis_database_is_away_nothing_counts() -> None:
    scene = a_scene(Transient("The database does not answer; try again"), "new")
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "held_back"))
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.api.reports == []


async def test_while_the_config_api_is_away_nothing_counts() -> None:
    scene = a_scene("new")
    scene.api.down = True
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "held_back"))
        scene.api.down = False
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.api.reports == []


async def test_a_provider_that_repeats_the_refused_token_cannot_help() -> None:
    scene = a_scene("old")
    async with scene.watching(with_token("old")):
        await until(lambda: len(scene.api.reports) == 1)
    assert "no other one" in (scene.api.reports[0].detail or "")


async def test_a_new_token_leaves_the_open_mailbox_alone_and_is_used_at_the_next_login() -> None:
    scene = a_scene(takes=("old", "new"))
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "idle"))
        watch.standing_changed(with_token("new"))
        scene.server.deliver(an_email("Second"))
        await until(lambda: "Second" in scene.api.subjects)
        assert scene.server.logged_in_with == ["old"]
        scene.server.drop_connections()
        await until(scene.slept)
        scene.clock.advance(30)
        await until(lambda: scene.server.logged_in_with == ["old", "new"])
    assert len(scene.mailboxes) == 1


async def test_an_assignment_from_before_the_refusal_does_not_bring_the_refused_token_back() -> None:
    scene = a_scene("new")
    async with scene.watching(with_token("old")) as watch:
        await until(lambda: scene.server.logged_in_with == ["old", "new"])
        watch.standing_changed(with_token("old"))
        assert watch.alias.incoming.access_token == "new"
        watch.standing_changed(with_token(None))
        assert watch.alias.incoming.access_token == "new"


async def test_an_alias_that_was_told_no_token_yet_asks_for_one_before_it_logs_in() -> None:
    scene = a_scene("new")
    async with scene.watching(with_token(None)):
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.server.logged_in_with == ["new"]
    assert scene.api.token_requests[0][1].refused is None


async def test_an_alias_without_account_may_have_an_empty_password() -> None:
    scene = a_scene(Conflict("it has a password of its own", code="alias_without_account"))
    scene.server.takes_tokens = None
    async with scene.watching(with_token(None)):
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.server.logged_in_with == [None]


async def test_a_password_alias_never_asks_for_a_token() -> None:
    scene = Scene()
    scene.refuse("authentication_failed", "manual")
    async with scene.watching():
        await until(lambda: len(scene.api.reports) == 1)
    assert scene.api.token_requests == []


def test_only_the_token_changes_without_reopening() -> None:
    before = with_token("old")
    assert not needs_restart(before, with_token("new"))
    assert needs_restart(before, an_assigned_alias(incoming=some_access(password="other")))
    of_one, of_another = (
        before.model_copy(update={"incoming": before.incoming.model_copy(update={"account_id": account})})
        for account in (8, 9)
    )
    assert needs_restart(of_one, of_another)
    # A Config API of before an upgrade tells no account.
    assert not needs_restart(before, of_one)
    assert not needs_restart(of_one, before)


async def test_tokens_are_in_no_log() -> None:
    scene = a_scene("secret-new", "secret-newer", takes=())
    with structlog.testing.capture_logs() as logged:
        async with scene.watching(with_token("secret-old")) as watch:
            await until(lambda: len(scene.api.reports) == 1)
            told = repr((watch.describe(), watch.alias, scene.api.reports, scene.api.token_requests))
    assert logged
    assert "secret" not in repr(logged) + told


async def test_an_alias_that_has_left_its_account_waits_for_its_new_assignment_and_nothing_counts() -> None:
    scene = a_scene(Conflict("it has a password of its own", code="alias_without_account"))
    async with scene.watching(with_token("old")) as watch:
        await until(in_state(watch, "held_back"))
    assert scene.server.logged_in_with == ["old"]
    assert scene.api.reports == []


async def test_the_token_that_one_alias_got_is_used_by_the_others_without_showing_the_old_one() -> None:
    scene = a_scene("new")
    around = scene.around()
    for alias_id in (7, 8):
        watch = Watch(with_token("old", alias_id=alias_id), around)
        task = asyncio.create_task(watch.run())
        await until(in_state(watch, "idle"))
        watch.halt()
        await asyncio.wait_for(task, 5)
    assert scene.server.logged_in_with == ["old", "new", "new"]
    assert len(scene.api.token_requests) == 1


async def test_a_token_that_was_fetched_long_ago_and_never_came_to_use_may_have_run_out() -> None:
    scene = a_scene("new", "newer", takes=("newer",))
    scene.server.refusals = [MailFailure("manual", "authentication_failed", "NO AUTHENTICATE failed.", stage="auth")]
    scene.server.refusals += [MailFailure("recoverable", "network_problem", "no route", stage="connect")] * 20
    async with scene.watching(with_token("old")):
        for report in range(20):
            await until(lambda so_far=report: len(scene.api.reports) > so_far)
            await until(scene.slept)
            scene.clock.advance(600)
        await until(lambda: scene.api.subjects == ["Hello"])
    assert scene.server.logged_in_with == ["new", "newer"]
    assert {report.reason for report in scene.api.reports if report.outcome == "failed"} == {"network_problem"}


async def test_of_many_mailboxes_that_wait_to_log_in_only_the_first_few_show_the_refused_token() -> None:
    scene = a_scene("new")
    scene.logins = Logins(total=1)
    around = scene.around()
    watches = [Watch(with_token("old", alias_id=alias_id), around) for alias_id in range(1, 31)]
    tasks = [asyncio.create_task(watch.run()) for watch in watches]
    try:
        await until(lambda: all(watch.state == "idle" for watch in watches))
    finally:
        for watch in watches:
            watch.halt()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert scene.server.logged_in_with.count("new") == 30
    assert scene.server.logged_in_with.count("old") < 10
    assert len(scene.api.token_requests) == 1
    assert scene.api.reports == []
