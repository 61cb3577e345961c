"""Mail that nobody picks from an exception queue is told of, again and again, on a schedule (R245-R247)."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import text
from sqlmodel import col, select

from config_api import bulk, journal
from config_api.database import Sessions
from config_api.routing.tables import ExceptionAlarmRow

SECONDS = 30.0
"""How often each process looks whether the time has come."""
_WAITING = """
    SELECT q.id, q.department_id, q.name, count(*) AS waiting, min(a.created_at) AS oldest
      FROM queues q JOIN activities a ON a.queue_id = q.id AND a.status <> 'completed'
     WHERE q.is_exception
     GROUP BY q.id ORDER BY q.id
"""
_FIRST = text("INSERT INTO exception_alarms (id, told_at) VALUES (1, :now) ON CONFLICT DO NOTHING")
log = structlog.get_logger()


class ExceptionAlarm:
    """In the background of every process; one row's lock and time let one of them tell, once in `every` seconds."""

    def __init__(self, sessions: Sessions, clock: Callable[[], datetime], *, every: float) -> None:
        self._sessions = sessions
        self._clock = clock
        self._every = timedelta(seconds=every)

    async def look(self) -> int:
        """An event `queue.exception_waiting` for each exception queue that holds open activities. How many."""
        now = self._clock()
        async with self._sessions() as session, session.begin():
            query = select(ExceptionAlarmRow).where(col(ExceptionAlarmRow.id) == 1).with_for_update(skip_locked=True)
            last = (await session.exec(query)).first()
            if last is None:
                # Another process has it in hand, or this is the very first turn: the schedule begins here.
                await session.exec(_FIRST, params={"now": now})  # pyright: ignore[reportCallIssue, reportArgumentType]
                return 0
            if now < last.told_at + self._every:
                return 0
            last.told_at = now
            waiting = await (await bulk.of(session)).fetch(_WAITING)
            for queue in waiting:
                journal.event(
                    session,
                    "queue.exception_waiting",
                    f"queue/{queue['id']}",
                    {"name": queue["name"], "waiting": queue["waiting"], "oldest_at": queue["oldest"].isoformat()},
                    department_id=queue["department_id"],
                )
        total = sum(queue["waiting"] for queue in waiting)
        if waiting:
            log.warning("queues.exception_waiting", queues=len(waiting), activities=total)
        return len(waiting)
