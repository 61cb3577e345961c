"""Warns before a client secret or a certificate runs out: 30, 7 and 1 days before, each once."""

from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import journal
from config_api.oauth_applications import repository
from config_api.oauth_applications.tables import ApplicationRow

WARNED_BEFORE = (30, 7, 1)
"""Days."""
AT_ONCE = 50


def warning_due(expires_at: datetime, warned_days: int | None, now: datetime) -> int | None:
    """Of the warnings whose time has come the most urgent, unless it or a more urgent one was told."""
    come = [days for days in WARNED_BEFORE if expires_at - now <= timedelta(days=days)]
    if not come or (warned_days is not None and warned_days <= min(come)):
        return None
    return min(come)


def expiry_of(row: ApplicationRow) -> datetime | None:
    return row.client_secret_expires_at if row.certificate is None else row.certificate_expires_at


async def warn(session: AsyncSession, now: datetime) -> int:
    """In the transaction of `session`; how many warnings were told. Rows that another process holds are skipped."""
    told = 0
    for row in await repository.expiring(session, now, WARNED_BEFORE, AT_ONCE):
        expires_at = expiry_of(row)
        days = warning_due(expires_at, row.warned_days, now) if expires_at is not None else None
        if days is None or expires_at is None:
            continue
        row.warned_days = days
        session.add(row)
        data = {
            "name": row.name,
            "credential": "client_secret" if row.certificate is None else "certificate",
            "expires_at": expires_at.isoformat(),
            "days": days,
        }
        journal.event(session, "oauth_application.credential_expiring", f"oauth_application/{row.id}", data)
        told += 1
    return told
