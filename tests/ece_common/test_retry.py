import asyncio
from itertools import islice

from ece_common.retry import sleep_unless, waits


def test_waits_spread_over_an_end_that_doubles_up_to_the_maximum() -> None:
    runs = [list(islice(waits(first=1.0, maximum=60.0), 10)) for _ in range(300)]

    for step, column in enumerate(zip(*runs, strict=True)):
        end = min(2.0**step, 60.0)
        assert all(0 <= wait <= end for wait in column)
        assert min(column) < end * 0.2
        assert max(column) > end * 0.8


def test_waits_never_end_and_never_overflow() -> None:
    assert all(0 <= wait <= 60.0 for wait in islice(waits(), 5000))


async def test_a_stop_ends_a_sleep_at_once() -> None:
    stop = asyncio.Event()
    sleeping = asyncio.create_task(sleep_unless(stop, 3600))

    stop.set()

    assert await asyncio.wait_for(sleeping, 5) is True


async def test_a_sleep_without_a_stop_lasts_its_time() -> None:
    started = asyncio.get_running_loop().time()

    assert await sleep_unless(asyncio.Event(), 0.05) is False
    assert asyncio.get_running_loop().time() - started >= 0.045


async def test_no_time_is_slept_when_already_stopped() -> None:
    stop = asyncio.Event()
    stop.set()

    assert await asyncio.wait_for(sleep_unless(stop, 3600), 5) is True
