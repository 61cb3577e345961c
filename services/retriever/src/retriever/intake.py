"""Where mail is handed in, as the pipeline needs it."""

from collections.abc import Sequence
from typing import Protocol

from ece_common.contracts.inbound import InboundAnswer, InboundBatch, KnownAnswer, KnownQuery
from ece_common.errors import Transient


class Intake(Protocol):
    """Where mail is handed in: the Config API's client."""

    async def submit(self, batch: InboundBatch, contents: Sequence[bytes]) -> InboundAnswer: ...

    async def known(self, query: KnownQuery) -> KnownAnswer: ...


class LeaseLapsed(Transient):
    """No heartbeat got through for a lease time: someone else may hold the alias by now."""

    code = "lease_lapsed"
