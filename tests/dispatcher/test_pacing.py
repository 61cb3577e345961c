"""Who may start when: pauses, turns and portions, with a clock of the test's own."""

import asyncio

import pytest

from dispatcher.pacing import HELD_AT, MOST_AHEAD, Route, Routes, TurnedAway
from dispatcher.verdict import Slow
from tests.dispatcher.builders import an_access


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def routes(clock: Clock) -> Routes:
    made = Routes(clock, maximum=2)
    made.learn({"r1": an_access(25)})
    return made


@pytest.fixture
def route(routes: Routes) -> Route:
    return routes.get("r1")


async def test_a_route_has_the_places_of_its_access_of_now(clock: Clock) -> None:
    """Microsoft 365 takes three connections by token: also of an alias that has joined its account only just now."""
    routes = Routes(clock, maximum=5)
    found: list[int] = []
    for token in (None, "of an account", None):
        routes.learn({"r1": an_access(25, access_token=token)})
        found.append(await places(routes.get("r1")))
    assert found == [5, 3, 5]


async def places(route: Route) -> int:
    """How many more may start now; they all leave again."""
    taken = 0
    try:
        while True:
            await route.enter(0.001)
            taken += 1
    except TurnedAway:
        for _ in range(taken):
            route.leave()
        return taken


@pytest.mark.parametrize(
    ("mark", "send", "ahead"), [(0.0, 0.01, 2), (0.01, 0.01, 6), (0.01, 0.04, 3), (9.0, 0.01, 2 * MOST_AHEAD)]
)
async def test_a_route_that_flows_has_as_many_places_as_the_marks_round_trip_needs(
    route: Route, mark: float, send: float, ahead: int
) -> None:
    route.timed(mark=mark, send=send)
    route.progress()

    assert await places(route) == ahead


async def test_a_route_that_does_not_flow_has_a_place_a_connection(route: Route, clock: Clock) -> None:
    assert await places(route) == 2

    route.timed(mark=1.0, send=0.01)
    route.progress()
    clock.now += 3

    assert await places(route) == 2


async def test_who_waits_too_long_is_given_back(route: Route) -> None:
    for _ in range(2):
        await route.enter(1.0)

    with pytest.raises(TurnedAway) as turned:
        await route.enter(0.01)

    assert (turned.value.outcome, turned.value.reason) == ("released", "route_busy")
    route.leave()
    await route.enter(0.01)


async def test_a_pause_turns_away_who_waits_and_who_comes(route: Route) -> None:
    for _ in range(2):
        await route.enter(1.0)
    waiting = asyncio.create_task(route.enter(10.0))
    await asyncio.sleep(0)

    assert route.pause(Slow("throttled", 30.0)) == 30.0

    for attempt in (waiting, asyncio.create_task(route.enter(10.0))):
        with pytest.raises(TurnedAway) as turned:
            await attempt
        assert (turned.value.outcome, turned.value.reason, turned.value.retry_after) == ("waiting", "throttled", 30.0)


async def test_a_stop_turns_away_who_waits_and_who_comes(routes: Routes, route: Route) -> None:
    for _ in range(2):
        await route.enter(1.0)
    waiting = asyncio.create_task(route.enter(10.0))
    await asyncio.sleep(0)

    routes.close()

    for attempt in (waiting, asyncio.create_task(route.enter(10.0))):
        with pytest.raises(TurnedAway) as turned:
            await attempt
        assert turned.value.outcome == "released"


def test_trouble_that_many_letters_meet_at_once_is_one_step(route: Route, clock: Clock) -> None:
    first = route.pause(Slow("server_unreachable"))
    for _ in range(20):
        assert route.pause(Slow("server_unreachable")) == pytest.approx(first)

    clock.now += first + 1
    assert not route.paused


def test_pauses_grow_but_never_beyond_ten_minutes_and_start_anew_after_a_success(route: Route, clock: Clock) -> None:
    longest = 0.0
    for _ in range(60):
        longest = max(longest, route.pause(Slow("server_unreachable")))
        clock.now = route.paused_until + 1
    assert 60 < longest <= 600

    route.mend()
    assert route.pause(Slow("server_unreachable")) <= 10


def test_a_days_quota_holds_the_route_for_minutes_only(route: Route) -> None:
    assert route.pause(Slow("sending_quota_exceeded", 86_400.0)) == 600


def test_new_access_ends_a_pause_that_it_may_mend(routes: Routes, route: Route) -> None:
    route.pause(Slow("authentication_failed", 300.0, mendable=True))
    routes.learn({"r1": an_access(25)})
    assert routes.held() == ["r1"]

    routes.learn({"r1": an_access(587)})
    assert routes.held() == []


def test_new_settings_do_not_end_a_throttling(routes: Routes, route: Route) -> None:
    route.pause(Slow("throttled", 300.0))

    routes.resume_mendable()

    assert routes.held() == ["r1"]
    assert routes.soonest_resume() == 300.0


def test_a_full_route_is_asked_for_again_when_half_of_it_is_done(routes: Routes, route: Route) -> None:
    route.in_hand = HELD_AT
    assert routes.held() == ["r1"]
    route.in_hand = HELD_AT // 2 + 1
    assert routes.any_full
    route.in_hand = HELD_AT // 2
    assert routes.held() == []


async def test_a_stalled_route_gets_next_to_nothing(routes: Routes, route: Route, clock: Clock) -> None:
    await route.enter(1.0)
    route.in_hand = 20
    assert not route.full

    clock.now += 11

    assert route.full
    assert routes.held() == ["r1"]


def test_routes_without_mail_are_forgotten(routes: Routes, clock: Clock) -> None:
    clock.now += 601
    routes.forget_idle(600.0)

    assert not routes.knows("r1")
