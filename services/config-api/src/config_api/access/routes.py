"""REST: tokens, and who am I."""

from fastapi import APIRouter, Path, Request

from config_api.access import minting, repository
from config_api.access.callers import Administrator, AnyCaller
from config_api.database import Session
from config_api.paging import Cursor, Limit, page, position
from config_api.problems import responses
from ece_common.contracts.access import Me, MintedToken, NewToken, Token
from ece_common.contracts.base import Page

router = APIRouter(tags=["access"])
TokenId = Path(ge=1, lt=2**63)


@router.get("/me", summary="Who am I", responses=responses())
async def me(caller: AnyCaller) -> Me:
    """The token that asks: name, kind, instance, and how far it reaches."""
    departments, actions = caller.reach.department_ids, caller.reach.actions
    return Me(
        name=caller.name,
        kind=caller.kind or "worker",
        instance=caller.instance,
        department_ids=None if departments is None else sorted(departments),
        actions=None if actions is None else sorted(actions),
    )


@router.post("/tokens", status_code=201, summary="Mint a token", responses=responses())
async def create_token(new: NewToken, session: Session, caller: Administrator) -> MintedToken:
    """The answer shows the token once. Give each worker instance its own, bound to its kind and name."""
    return await minting.mint(session, caller, new)


@router.get("/tokens", summary="List tokens", responses=responses())
async def list_tokens(
    session: Session, _caller: Administrator, limit: Limit = 100, cursor: Cursor = None
) -> Page[Token]:
    """Every token with its last use; the tokens themselves are not kept."""
    rows = await repository.after(session, position(cursor), limit + 1)
    return page(rows, limit, lambda row: row.id or 0, Token.model_validate)


@router.delete("/tokens/{token_id}", status_code=204, summary="Revoke a token", responses=responses(404))
async def revoke_token(session: Session, caller: Administrator, request: Request, token_id: int = TokenId) -> None:
    """Takes effect with the next request that presents it."""
    await minting.revoke(session, caller, token_id, request.app.state.clock())
