"""Free ports on loopback, and the wait until something answers there."""

import socket
import time
from collections.abc import Callable

PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, ready: Callable[[], bool], alive: Callable[[], None]) -> None:
    """Ask until it is so; `alive` raises when what is waited for has died."""
    end = time.monotonic() + PATIENCE
    while not ready():
        alive()
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not ready after {PATIENCE:.0f} s")
        time.sleep(0.02)


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
