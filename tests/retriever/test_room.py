"""Mails in memory are bounded over all mailboxes, and a slow server does not take what the others need."""

import asyncio
from dataclasses import replace

import pytest

from retriever.pipeline import drain
from retriever.room import Room
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import FakeMailbox, FakeServer, an_email, some_access, until
from tests.retriever.scene import settle_down
from tests.retriever.work import some_work


async def test_many_mailboxes_with_large_mails_fetch_no_more_at_once_than_there_is_room_for() -> None:
    large = an_email("Large", body="x" * 1000)
    room = Room(total=3 * len(large), per_server=2 * len(large))
    api = FakeConfigApi(hold=asyncio.Event())
    boxes = [FakeMailbox(FakeServer(large)) for _ in range(8)]
    working: list[asyncio.Task[None]] = []
    for number, box in enumerate(boxes):
        work = some_work(box, api)
        incoming = some_access(server_name=f"server-{number % 4}.test")
        alias = work.alias.model_copy(update={"alias_id": number + 1, "incoming": incoming})
        working.append(asyncio.create_task(drain(replace(work, alias=alias, room=room))))
    await until(lambda: api.submitting == 3)
    await settle_down()
    assert sum(len(box.fetched) for box in boxes) == 3
    assert api.hold is not None
    api.hold.set()
    await asyncio.gather(*working)
    assert all(box.server.mails == {} for box in boxes)
    assert len(api.stored) == 8


async def test_a_server_that_never_ends_a_mail_leaves_room_for_the_others() -> None:
    room = Room(total=100, per_server=50)
    await room.take("Slow.test", 50)
    waiting = asyncio.ensure_future(room.take("slow.test", 10))
    await room.take("other.test", 50)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_is_larger_than_the_room_gets_all_of_it_and_gives_it_back_once() -> None:
    room = Room(total=100, per_server=100)
    hold = await room.take("one.test", 1000)
    next_one = asyncio.ensure_future(room.take("one.test", 100))
    await settle_down()
    assert not next_one.done()
    hold.free()
    hold.free()
    last = asyncio.ensure_future(room.take("two.test", 1))
    (await next_one).free()
    await last


async def test_who_gives_up_waiting_keeps_nothing_from_those_behind() -> None:
    room = Room(total=100, per_server=100)
    hold = await room.take("one.test", 60)
    large = asyncio.ensure_future(room.take("one.test", 90))
    small = asyncio.ensure_future(room.take("one.test", 40))
    await settle_down()
    assert not small.done(), "in order of asking"
    large.cancel()
    await small
    hold.free()
