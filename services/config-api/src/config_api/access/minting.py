"""What may happen to a token: minted, shown once, revoked."""

import secrets
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import journal
from config_api.access import repository
from config_api.access.callers import Caller, hash_token
from config_api.access.tables import TokenRow
from ece_common.contracts.access import MintedToken, NewToken, Token
from ece_common.errors import Invalid, NotFound


async def mint(session: AsyncSession, caller: Caller, new: NewToken) -> MintedToken:
    if (new.kind == "administrator") != (new.instance is None):
        raise Invalid.field(
            "instance",
            "must be left out for an administrator" if new.instance else f"is required for a {new.kind}'s token",
        )
    token = f"ece_{secrets.token_urlsafe(32)}"
    row = TokenRow(
        name=new.name, kind=new.kind, instance=new.instance, token_hash=hash_token(token), expires_at=new.expires_at
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    told = {"name": new.name, "kind": new.kind, "instance": new.instance}
    journal.audit(session, caller.name, "token.minted", f"token/{row.id}", told)
    return MintedToken(token=token, **Token.model_validate(row).model_dump())


async def revoke(session: AsyncSession, caller: Caller, token_id: int, now: datetime) -> None:
    row = await repository.get(session, token_id)
    if row is None:
        raise NotFound(f"there is no token {token_id}")
    if row.revoked_at is None:
        row.revoked_at = now
        session.add(row)
        journal.audit(session, caller.name, "token.revoked", f"token/{row.id}", {"name": row.name})
