"""Which queue an activity goes to when it comes in. Pure but for `queues_of`."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.routing import repository
from ece_common.contracts.activities import Subtype

_EXCEPTIONS: frozenset[Subtype] = frozenset(
    {"email_permanent_undeliverable", "email_temporary_undeliverable", "unparsed"}
)


@dataclass(frozen=True, slots=True)
class Queues:
    """The two queues that every department has."""

    default: int | None
    exception: int | None

    def place(self, subtype: Subtype) -> int | None:
        """The standard start: delivery reports, and what nothing could read, wait apart from customers' mail."""
        return self.exception if subtype in _EXCEPTIONS else self.default


async def queues_of(session: AsyncSession, department_id: int) -> Queues:
    return Queues(
        default=await repository.default_of(session, department_id),
        exception=await repository.exception_of(session, department_id),
    )
