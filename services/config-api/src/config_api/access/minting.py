"""What may happen to a token: minted, shown once, revoked."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import journal
from config_api.access import repository
from config_api.access.callers import Caller, hash_token
from config_api.access.tables import TokenRow
from ece_common.contracts.access import PARTITION_ONLY, MintedToken, NewToken, Token
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Forbidden, Invalid, NotFound


async def mint(session: AsyncSession, caller: Caller, new: NewToken) -> MintedToken:
    if (new.kind == "administrator") != (new.instance is None):
        raise Invalid.field(
            "instance",
            "must be left out for an administrator" if new.instance else f"is required for a {new.kind}'s token",
        )
    _require_limits(caller, new)
    await _require_departments(session, new)
    token = f"ece_{secrets.token_urlsafe(32)}"
    row = TokenRow(
        name=new.name,
        kind=new.kind,
        instance=new.instance,
        department_ids=new.department_ids,
        actions=None if new.actions is None else list(new.actions),
        token_hash=hash_token(token),
        expires_at=new.expires_at,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    told = {"name": new.name, "kind": new.kind, "instance": new.instance}
    told |= {"department_ids": new.department_ids, "actions": new.actions}
    journal.audit(session, caller.name, "token.minted", f"token/{row.id}", told)
    return MintedToken(token=token, **Token.model_validate(row).model_dump())


def _require_limits(caller: Caller, new: NewToken) -> None:
    """Raise `Invalid` for limits that mean nothing, `Forbidden` for more than the caller has itself."""
    for name in ("department_ids", "actions"):
        if new.kind != "administrator" and getattr(new, name) is not None:
            raise Invalid.field(name, f"must be left out for a {new.kind}'s token, which opens the worker side only")
    for action in new.actions or ():
        if new.department_ids is not None and action in PARTITION_ONLY:
            raise Invalid.field("actions", f"{action} is for tokens of the whole partition: leave out department_ids")
    if _beyond(caller, new.kind, new.actions):
        raise Forbidden("this token can only mint administrators' tokens with `actions` that it has itself")
    ends = caller.expires_at
    if ends is not None and (new.expires_at is None or new.expires_at > ends):
        raise Forbidden(
            f"this token expires at {ends.isoformat()}, and can only mint tokens whose `expires_at` is no later"
        )


def _beyond(caller: Caller, kind: str, actions: Sequence[str] | None) -> bool:
    """Whether such a token may do what the caller may not."""
    own = caller.reach.actions
    return own is not None and (kind != "administrator" or actions is None or not own.issuperset(actions))


async def _require_departments(session: AsyncSession, new: NewToken) -> None:
    """Or a token would be for whichever department gets that id one day."""
    wanted = new.department_ids or []
    known = await repository.departments_among(session, wanted)
    found = [
        FieldProblem(field=f"department_ids.{n}", problem=f"there is no department {one}")
        for n, one in enumerate(wanted)
        if one not in known
    ]
    if found:
        raise Invalid("; ".join(one.problem for one in found)[:2000], errors=found[:100])


async def revoke(session: AsyncSession, caller: Caller, token_id: int, now: datetime) -> None:
    row = await repository.get(session, token_id)
    if row is None:
        raise NotFound(f"there is no token {token_id}")
    if _beyond(caller, row.kind, row.actions):
        raise Forbidden("this token can only revoke administrators' tokens with `actions` that it has itself")
    if row.revoked_at is None:
        row.revoked_at = now
        session.add(row)
        journal.audit(session, caller.name, "token.revoked", f"token/{row.id}", {"name": row.name})
