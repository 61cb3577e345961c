"""The feed turned into mail: what was told is told once, also when several processes look or one dies."""

from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import bulk
from config_api.access.callers import Caller
from config_api.acting import Act
from config_api.bulk import Bulk
from config_api.database import Sessions
from config_api.notifications import wording
from config_api.notifications.tables import NotifiedRow
from config_api.notifications.wording import Notice
from config_api.outbound import writing
from config_api.outbound.letters import Letter
from config_api.preferences import in_force
from config_api.references import Hooks
from config_api.sealing import Vault

SECONDS = 5.0
_AT_ONCE = 500
_ALONE = 5
"""More notices than these go into one mail: a server that is down takes all its aliases with it."""
_HORIZON = text("SELECT feed_horizon()")
_TO_TELL = """
    SELECT id, xid, type, subject, data FROM events
    WHERE xid >= $1 AND (xid, id) > ($1, $2) AND xid < $3 AND type = ANY($4)
    ORDER BY xid, id LIMIT $5
"""
log = structlog.get_logger()


class Teller:
    """Writes and advances in one transaction under one row's lock, so that no event is told twice or passed over."""

    def __init__(self, sessions: Sessions, hooks: Hooks, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._hooks = hooks
        self._vault = vault
        self._clock = clock

    async def tell(self) -> int:
        """How many mails were written."""
        async with self._sessions() as session, session.begin():
            # Before the events are read: what is below it can only have been committed already.
            horizon: int = (await session.exec(_HORIZON)).scalar_one()  # pyright: ignore[reportCallIssue, reportArgumentType]
            told = await _position(session, horizon)
            if told is None:
                return 0
            notices = await _advance(await bulk.of(session), told, horizon)
            act = Act(session, Caller("notifications", "administrator"), self._hooks, self._vault, self._clock())
            return await _write(act, notices)


async def told_up_to(session: AsyncSession) -> tuple[int, int] | None:
    """The position in the feed up to which nothing is to be told any more; None before the first turn."""
    found = (await session.exec(select(NotifiedRow).where(col(NotifiedRow.id) == 1))).first()
    return None if found is None else (found.xid, found.event_id)


async def _position(session: AsyncSession, horizon: int) -> NotifiedRow | None:
    """None while another process tells, and on the very first turn: what is past by then is nobody's news."""
    query = select(NotifiedRow).where(col(NotifiedRow.id) == 1).with_for_update(skip_locked=True)
    found = (await session.exec(query)).first()
    if found is None:
        start = text("INSERT INTO notified (id, xid, event_id) VALUES (1, :xid, 0) ON CONFLICT DO NOTHING")
        await session.exec(start, params={"xid": horizon})  # pyright: ignore[reportCallIssue, reportArgumentType]
    return found


async def _advance(rows: Bulk, told: NotifiedRow, horizon: int) -> list[Notice]:
    found = await rows.fetch(_TO_TELL, told.xid, told.event_id, horizon, list(wording.TOLD), _AT_ONCE)
    everything = len(found) < _AT_ONCE
    # Another process may have told more since we looked for the horizon: going back would tell that again.
    end = (horizon, 0) if everything else (found[-1]["xid"], found[-1]["id"])
    told.xid, told.event_id = max(end, (told.xid, told.event_id))
    notices = [wording.notice(row["type"], row["subject"], row["data"]) for row in found]
    return [one for one in notices if one is not None]


async def _write(act: Act, notices: list[Notice]) -> int:
    settings = await in_force.partition(act.session)
    sender, receiver = settings.notification_from_address, settings.notification_to_address
    if not notices:
        return 0
    if sender is None or receiver is None:
        log.info("notifications.nobody_to_tell", notices=len(notices))
        return 0
    mails = notices if len(notices) <= _ALONE else [wording.together(notices)]
    for mail in mails:
        await writing.write(act, _letter(mail, sender, receiver))
    return len(mails)


def _letter(mail: Notice, sender: str, receiver: str) -> Letter:
    return Letter(
        department_id=None,
        alias_id=None,
        from_address=sender,
        to=[receiver],
        cc=[],
        bcc=[],
        subject=mail.subject,
        text=mail.text,
        html=None,
        automatic=True,
    )
