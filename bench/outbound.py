"""Our outbound rate: from the moment the dispatcher may have a full queue until the last delivery is `sent`."""

import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor

from bench.corpus import SEED, prose
from bench.gateway import Gateway
from tests.rig.postfix import SmtpSink

_STEP = 0.02  # seconds between looks at the queue
_CLERKS = 4  # who put mail into the queue side by side
_numbers = itertools.count(1)


def rate(gateway: Gateway, count: int, size: int) -> float:
    """Mails of `size` bytes of text a second, into smtp-sink.

    They are queued through REST first, for an alias of a dispatcher instance that nobody serves. The dispatcher of
    the instance `default` is up and waits. Giving the alias to it is what starts the clock.
    """
    number = next(_numbers)
    with SmtpSink() as sink:
        sender = f"sender{number}@rig.test"
        incoming = {"server_name": "127.0.0.1", "user_name": sender, "password": "unused"}
        alias = gateway.alias(sender, incoming, {"server_name": "127.0.0.1", "port": sink.port})
        parked = gateway.suite.post("/dispatcher-instances", {"name": f"parked{number}", "alias_ids": [alias]})
        _queue(gateway, sender, count, size)
        began = time.perf_counter()
        gateway.suite.patch(f"/dispatcher-instances/{parked['id']}", {"alias_ids": []})
        gateway.wait_until_over(
            lambda: not gateway.database.value(_OPEN, alias),
            lambda: int(gateway.database.value(_QUEUED, alias)),
            step=_STEP,
        )
        seconds = time.perf_counter() - began
        _check(gateway, alias, count)
        return count / seconds


def _queue(gateway: Gateway, sender: str, count: int, size: int) -> None:
    text = prose(size, random.Random(SEED))[:size]

    def post(number: int) -> None:
        body = {
            "to": [f"customer{number}@sink.test"],
            "subject": f"Answer {number}",
            "text": text,
            "from_address": sender,
        }
        gateway.suite.post(f"/departments/{gateway.department}/activities", body)

    with ThreadPoolExecutor(_CLERKS) as clerks:
        list(clerks.map(post, range(count)))


# the first row found ends it: cheap enough to ask fifty times a second
_OPEN = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE alias_id = $1 AND status IN ('queued', 'sending'))"
_QUEUED = "SELECT count(*) FROM deliveries WHERE alias_id = $1 AND status IN ('queued', 'sending')"
_SENT = "SELECT count(*) FROM deliveries WHERE alias_id = $1 AND status = 'sent'"


def _check(gateway: Gateway, alias: int, count: int) -> None:
    sent = gateway.database.value(_SENT, alias)
    if sent != count:
        raise RuntimeError(f"{sent} of {count} deliveries are sent")
