"""Which loopback port a server gets, and when that server is ready to talk."""

import contextlib
import itertools
import os
import random
import socket
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"
# Linux hands out 32768 and above to outgoing connections; below that nobody takes a port between our
# looking at it and the server's binding it, except another rig, hence the random start. Processes of one run of
# pytest-xdist begin an eighth apart.
_FIRST, _COUNT = 20_000, 12_000
_RUN = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID"))
_PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_offsets = itertools.count(_RUN.randrange(_COUNT) + _PROCESS * _COUNT // 8)


def free_port(host: str = LOOPBACK) -> int:
    """A port nobody listens on, never one handed out before in this process (until 12,000 are used up)."""
    for _ in range(_COUNT):
        port = _FIRST + next(_offsets) % _COUNT
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                return port
    raise OSError(f"no free port in {_FIRST}..{_FIRST + _COUNT - 1} on {host}")


def wait_until(true: Callable[[], bool], *, seconds: float = 10, what: str = "the condition") -> None:
    """Return as soon as `true()` holds; TimeoutError naming `what` otherwise. Blocks: not for a running loop."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come true within {seconds} s")
        time.sleep(0.005)


def listens(port: int, host: str = LOOPBACK) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


def greets(port: int, host: str = LOOPBACK) -> bool:
    """A greeting proves more than a connect: the kernel connects as soon as anyone listens."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1) as client:
        return client.recv(1) != b""
    return False
