"""A replica's aliases: leases taken, kept, lost and given back."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from ece_common.access_tokens import asking
from ece_common.contracts.instances import AssignedAlias, Holding
from ece_common.contracts.policies import DeliveryExceptionPhrase, DepartmentPolicies
from retriever.applied_policies import NO_POLICIES, Compilations
from retriever.assignments import Identity, Replica
from retriever.logins import Logins
from retriever.mailbox.port import Mailbox, MailFailure
from retriever.reopening import needs_restart
from retriever.surroundings import Surroundings
from retriever.tallies import Tallies
from retriever.tenure import Tenure
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import (
    FakeClock,
    FakeMailbox,
    FakeServer,
    an_assigned_alias,
    an_email,
    some_access,
    some_settings,
    until,
)


class Site:
    """A replica, its Config API, and one mail server for each user name."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.api = FakeConfigApi(clock=self.clock, beat_after=0.002)
        self.servers: dict[str, FakeServer] = {}
        self.built: list[AssignedAlias] = []
        self.mailboxes: list[FakeMailbox] = []
        self.broken: set[int] = set()
        tallies = Tallies(CollectorRegistry())
        tenure = Tenure(self.clock.monotonic)
        self.tenure = tenure
        self.replica = Replica(
            Identity("default", "one", "incarnation-1"),
            self.api,
            tenure,
            tallies,
            finish_seconds=2.0,
            poll_seconds=0.01,
        )
        self.around = Surroundings(
            desk=self.api,
            build_mailbox=self._build,
            fresh_tokens=asking(self.api, "retriever", "default", "one"),
            settings=self.replica.settings,
            policies=self.replica.policies,
            lease_seconds=lambda: tenure.lease_seconds,
            in_force=tenure.in_force,
            now=self.clock.now,
            logins=Logins(),
            tallies=tallies,
            sleep=self.clock.sleep,
            monotonic=self.clock.monotonic,
        )

    def server(self, user: str) -> FakeServer:
        return self.servers.setdefault(user, FakeServer())

    def _build(self, alias: AssignedAlias) -> Mailbox:
        if alias.alias_id in self.broken:
            raise ValueError("a certificate bundle nobody can read")
        self.built.append(alias)
        self.mailboxes.append(FakeMailbox(self.server(alias.incoming.user_name), access=alias.incoming))
        return self.mailboxes[-1]

    def alias(self, number: int, **changes: object) -> AssignedAlias:
        return an_assigned_alias(
            **{"alias_id": number, "incoming": some_access(user_name=f"user-{number}"), **changes}
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[asyncio.Event]:
        stop = asyncio.Event()
        task = asyncio.create_task(self.replica.run(stop, self.around))
        try:
            yield stop
        finally:
            stop.set()
            try:
                await asyncio.wait_for(task, 8)
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def held(self) -> list[Holding]:
        return self.api.beats[-1].holding

    def states(self) -> object:
        return self.replica.status()["states"]

    async def several_beats(self) -> None:
        seen = len(self.api.beats)
        await until(lambda: len(self.api.beats) >= seen + 3)


@pytest.mark.rule(46, 133)
async def test_assigned_aliases_are_retrieved_and_held_in_every_heartbeat() -> None:
    site = Site()
    site.server("user-1").deliver(an_email("To one"))
    site.server("user-2").deliver(an_email("To two"))
    site.api.assign(site.alias(1), site.alias(2))
    async with site.running():
        await until(lambda: len(site.api.stored) == 2)
        await site.several_beats()
        assert [holding.alias_id for holding in site.held()] == [1, 2]

    assert sorted(site.api.subjects) == ["To one", "To two"]


async def test_a_stop_finishes_what_is_in_hand_closes_every_mailbox_and_then_gives_all_leases_back() -> None:
    site = Site()
    for number in range(30):
        site.server("user-1").deliver(an_email(f"Mail {number}"))
    site.api.hold = asyncio.Event()
    site.api.assign(site.alias(1), site.alias(2))
    async with site.running() as stop:
        await until(lambda: site.api.submitting == 1)
        await site.several_beats()
        stop.set()
        await site.several_beats()
        assert [holding.alias_id for holding in site.held()] == [1], "the one that works is still held"
        assert not site.api.beats[-1].leaving
        site.api.hold.set()

    assert (len(site.api.stored), len(site.server("user-1").mails)) == (10, 20)
    assert all(mailbox.closed for mailbox in site.mailboxes)
    assert (site.api.beats[-1].leaving, site.api.beats[-1].holding) == (True, [])


async def test_work_that_does_not_end_in_time_is_cancelled_and_the_leases_given_back() -> None:
    site = Site()
    site.server("user-1").hold_logins = asyncio.Event()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.server("user-1").connections == 1)

    assert site.api.beats[-1].leaving


async def test_a_changed_password_takes_effect_without_a_restart() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.assign(site.alias(1, incoming=some_access(user_name="user-1", password="new")))
        await until(lambda: len(site.built) == 2)
        await until(lambda: site.states() == {"idle": 1})

    assert [alias.incoming.password for alias in site.built] == ["secret", "new"]
    assert [report.outcome for report in site.api.reports] == ["connected"], "a change reports that it works"


@pytest.mark.rule(129)
async def test_an_alias_made_inactive_is_left_alone_although_the_last_assignment_still_calls_it_active() -> None:
    site = Site()
    site.server("user-1").refusal = MailFailure("manual", "authentication_failed", "no such user")
    site.api.assign(site.alias(1))
    async with site.running():
        for attempts in (1, 2, 3):
            await until(lambda attempts=attempts: len(site.api.reports) == attempts)
            await until(lambda: site.clock.sleeping or site.states() == {"inactive": 1})
            site.clock.advance(30)
        await until(lambda: site.states() == {"inactive": 1})
        await site.several_beats()
        await site.several_beats()

    assert len(site.api.reports) == 3


async def test_a_new_access_token_opens_nothing_anew_and_is_the_next_login() -> None:
    site = Site()
    first, second = (some_access(user_name="user-1", password="", access_token=token) for token in ("old", "new"))
    site.api.assign(site.alias(1, incoming=first))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.assign(site.alias(1, incoming=second), site.alias(2))
        await until(lambda: site.states() == {"idle": 2})
        assert site.server("user-1").logged_in_with == ["old"]
        site.server("user-1").drop_connections()
        await until(lambda: bool(site.clock.sleeping))
        site.clock.advance(30)
        await until(lambda: site.server("user-1").logged_in_with == ["old", "new"])
    assert [alias.alias_id for alias in site.built] == [1, 2]


async def test_a_change_waits_for_the_batch_in_hand() -> None:
    site = Site()
    site.server("user-1").deliver(an_email("In hand"))
    site.api.hold = asyncio.Event()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.api.submitting == 1)
        site.api.assign(site.alias(1, mailbox_generation=2, incoming=some_access(user_name="user-9")))
        await site.several_beats()
        assert len(site.built) == 1
        site.api.hold.set()
        await until(lambda: len(site.built) == 2)

    assert (site.api.subjects, site.server("user-1").mails) == (["In hand"], {})


async def test_a_changed_setting_needs_no_new_connection() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.assign(site.alias(1), settings=some_settings(maximum_email_size=100))
        await until(lambda: site.replica.settings().maximum_email_size == 100)
        site.server("user-1").deliver(an_email("Over the new limit"))
        await until(lambda: len(site.api.large) == 1)

    assert len(site.built) == 1


def some_policies(version: str, phrase: str) -> dict[int, DepartmentPolicies]:
    exception = DeliveryExceptionPhrase(id=1, type="subject", phrase=phrase, failure="permanent")
    return {1: DepartmentPolicies(version=version, delivery_exceptions=[exception])}


@pytest.mark.rule(242, 260, 264)
async def test_a_changed_delivery_exception_takes_effect_without_a_restart_and_each_mail_tells_its_version() -> None:
    site = Site()
    site.api.assign(site.alias(1), policies=some_policies("v1", "first"))
    async with site.running():
        site.server("user-1").deliver(an_email("The First"))
        await until(lambda: len(site.api.stored) == 1)
        site.api.assign(site.alias(1), policies=some_policies("v2", "second"))
        await until(lambda: site.replica.policies(1).version == "v2")
        site.server("user-1").deliver(an_email("Another first"))
        site.server("user-1").deliver(an_email("The second"))
        await until(lambda: len(site.api.stored) == 3)
    told = [(mail.subject, mail.subtype, mail.policy_version) for mail in site.api.stored]
    assert told == [
        ("The First", "email_permanent_undeliverable", "v1"),
        ("Another first", "email", "v2"),
        ("The second", "email_permanent_undeliverable", "v2"),
    ]
    assert len(site.built) == 1, "no new connection was needed"


def test_policies_are_compiled_once_a_state_of_them() -> None:
    compilations, before = Compilations(), some_policies("v1", "first")
    compiled = compilations.of(1, before)
    assert compilations.of(1, some_policies("v1", "first")) is compiled
    assert compilations.of(1, some_policies("v2", "second")) is not compiled
    assert compilations.of(2, before) is NO_POLICIES


async def test_an_alias_that_is_no_longer_assigned_is_closed_before_it_is_given_back() -> None:
    site = Site()
    site.api.assign(site.alias(1), site.alias(2))
    async with site.running():
        await until(lambda: site.states() == {"idle": 2})
        site.api.assign(site.alias(2))
        await until(lambda: [holding.alias_id for holding in site.held()] == [2])
        assert site.mailboxes[0].closed


async def test_a_lease_missing_from_the_heartbeat_is_dropped_and_taken_up_again_when_it_returns() -> None:
    site = Site()
    site.api.assign(site.alias(1), site.alias(2))
    async with site.running():
        await until(lambda: site.states() == {"idle": 2})
        site.api.leases = [Holding(alias_id=2, epoch=3)]
        await until(lambda: [holding.alias_id for holding in site.held()] == [2])
        site.server("user-1").deliver(an_email("Not ours"))
        await site.several_beats()
        assert site.api.stored == []
        site.api.leases = None
        await until(lambda: site.api.subjects == ["Not ours"])


async def test_a_new_epoch_is_worked_under_after_the_old_one_is_closed() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.epoch = 4
        site.api.assign(site.alias(1, epoch=4))
        site.server("user-1").deliver(an_email("Under epoch four"))
        await until(lambda: site.api.subjects == ["Under epoch four"])


async def test_an_alias_with_a_stale_epoch_is_let_go_of_and_not_begun_again() -> None:
    site = Site()
    site.server("user-1").deliver(an_email("Someone else's now"))
    site.api.epoch = 4
    site.api.leases = [Holding(alias_id=1, epoch=4)]
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: len(site.built) >= 1)
        await until(lambda: site.held() == [])
        await site.several_beats()

    assert (site.api.stored, len(site.server("user-1").mails)) == ([], 1)


async def test_one_alias_that_cannot_even_be_begun_does_not_delay_the_others() -> None:
    site = Site()
    site.broken = {1}
    site.server("user-2").deliver(an_email("Two works"))
    site.api.assign(site.alias(1), site.alias(2))
    async with site.running():
        await until(lambda: site.api.subjects == ["Two works"])
        site.broken = set()
        await until(lambda: site.states() == {"idle": 2})


async def test_while_the_config_api_is_away_the_last_assignment_is_kept() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.down = True
        await until(lambda: site.replica.status()["config_api_error"] is not None)
        site.server("user-1").deliver(an_email("During the outage"))
        await until(lambda: site.states() == {"held_back": 1})
        site.api.down = False
        await until(lambda: site.replica.status()["config_api_error"] is None, 10)
        site.clock.advance(60)
        await until(site.tenure.in_force)
        site.clock.advance(10)
        await until(lambda: site.api.subjects == ["During the outage"])

    assert (len(site.built), site.server("user-1").logins) == (1, 1)


async def test_paused_past_its_lease_a_replica_submits_nothing_until_a_heartbeat_says_what_is_still_its_own() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.beat_after = 60.0
        await site_quiet(site)
        site.clock.advance(16)  # the process was stopped meanwhile, the clock was not
        site.server("user-1").deliver(an_email("Meanwhile another's"))
        await until(lambda: site.states() == {"held_back": 1})

    assert site.api.batches == []
    assert len(site.server("user-1").mails) == 1


async def test_a_changed_assignment_is_answered_by_a_heartbeat_at_once_since_leases_come_with_those() -> None:
    site = Site()
    site.api.assign(site.alias(1))
    async with site.running():
        await until(lambda: site.states() == {"idle": 1})
        site.api.beat_after = 60.0
        await site_quiet(site)
        site.api.assign(site.alias(1), site.alias(2))
        await until(lambda: [holding.alias_id for holding in site.held()] == [1, 2])


async def site_quiet(site: Site) -> None:
    """Until the last heartbeat has told that the next one is a long time away."""
    seen = len(site.api.beats)
    await until(lambda: len(site.api.beats) > seen)
    await asyncio.sleep(0)


def test_only_a_change_of_the_way_in_opens_the_mailbox_anew() -> None:
    before = an_assigned_alias()

    assert not needs_restart(before, before.model_copy(update={"failed_attempts": 2, "recoverable": True}))
    assert needs_restart(before, before.model_copy(update={"status": "inactive"}))
    assert needs_restart(before, before.model_copy(update={"after_retrieval": "keep"}))
    assert needs_restart(before, before.model_copy(update={"incoming": some_access(password="other")}))
