"""The tokens of an account: what is kept, when they are renewed, and whether they still open anything."""

import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from config_api.accounts.tables import AccountRow
from config_api.oauth_applications.identity import Grant
from config_api.sealing import Vault

EARLY = timedelta(minutes=5)
_SPREAD = 0.2
"""Renewals that fell together, after a restart or an import, drift apart."""


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """An access token as workers get it."""

    access_token: str = field(repr=False)
    expires_at: datetime

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.access_token.encode()).hexdigest()


def opened(account: AccountRow, vault: Vault) -> Tokens | None:
    if account.tokens is None:
        return None
    stored: dict[str, Any] = json.loads(vault.open(account.tokens))
    return Tokens(stored["access_token"], stored["refresh_token"])


def held(account: AccountRow, vault: Vault) -> Held | None:
    """What there is, also when it has run out."""
    tokens = opened(account, vault)
    if tokens is None or account.access_token_expires_at is None:
        return None
    return Held(tokens.access_token, account.access_token_expires_at)


def renewal(now: datetime, lifetime: timedelta) -> datetime:
    """Five minutes before the end, or halfway for a token that lives less than ten; a little earlier by chance."""
    usable = max(lifetime - EARLY, lifetime / 2)
    spread = min(usable * _SPREAD, timedelta(minutes=5))
    return now + usable - spread * random.random()  # noqa: S311 - spreads load


def put(account: AccountRow, vault: Vault, grant: Grant, now: datetime) -> None:
    """Into the row. A provider that does not rotate sends no new refresh token: the old one stays."""
    known = opened(account, vault)
    refresh_token = grant.refresh_token or (known.refresh_token if known is not None else None)
    kept = {"access_token": grant.access_token, "refresh_token": refresh_token}
    account.tokens = vault.seal(json.dumps(kept))
    account.token_number += 1
    account.access_token_expires_at = now + grant.lifetime
    account.renew_at = renewal(now, grant.lifetime)
    account.renewed_at = now
    account.put_off_until, account.failed_renewals = None, 0


def forget(account: AccountRow) -> None:
    account.tokens = account.access_token_expires_at = account.renew_at = account.put_off_until = None
    account.renewed_at, account.failed_renewals = None, 0
    account.token_number += 1
