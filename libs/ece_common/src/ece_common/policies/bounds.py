"""How far anybody's attachments are looked into before they count as too much to look into."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


class TooMuch(Exception):
    """What lies behind was not looked at."""


@dataclass(slots=True)
class Bounds:
    """What is left for one mail. A zip bomb, a quine and a million entries end here, whatever they are packed in."""

    depth: int = 8
    entries: int = 10_000
    unpacked: int = 64 * 1024 * 1024
    """Bytes that decompression may bring forth."""
    seconds: float = 5.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _until: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def entry(self, count: int = 1) -> None:
        self.entries -= count
        if self.entries < 0:
            raise TooMuch("holds more files than are looked at")
        if self.clock() > self._until:
            raise TooMuch("takes too long to look into")

    def level(self, number: int) -> None:
        if number > self.depth:
            raise TooMuch("is packed deeper than is looked at")

    def room_for(self, entries: int) -> None:
        if entries > self.entries:
            raise TooMuch("holds more files than are looked at")

    def spend(self, size: int) -> None:
        self.unpacked -= size
        if self.unpacked < 0:
            raise TooMuch("unpacks to more than is looked at")
