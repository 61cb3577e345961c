"""REST: connection tests."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request

from config_api.access.callers import Administrator
from config_api.connections import account_testing, testing
from config_api.connections.testing import Bench
from config_api.jobs.asking import Desk
from config_api.problems import responses
from ece_common.contracts.accounts import AccountConnectionTest
from ece_common.contracts.jobs import ConnectionTest, ConnectionTestRequest
from ece_common.errors import Invalid

router = APIRouter()


def _bench(request: Request) -> Bench:
    state = request.app.state
    return Bench(Desk(state.sessions, state.changes), state.renewals)


@router.post(
    "/aliases/{alias_id}/test-connection",
    tags=["aliases"],
    summary="Test an alias's servers",
    responses=responses(404),
)
async def try_servers(
    alias_id: Annotated[int, Path(ge=1, lt=2**63)],
    request: Request,
    _caller: Administrator,
    wanted: Annotated[ConnectionTestRequest | None, Body(examples=[{"incoming": True, "outgoing": True}])] = None,
) -> ConnectionTest:
    """The workers that serve this alias try it: name, TCP, TLS, login and folder; login and sender. No mail is read
    or sent, and the alias's status does not change. A token that a server refuses is replaced once, by
    the worker that tries. Waits 30 seconds at most, once there is a token that has not run out. 503
    `no_live_replica`: no worker is there to try; 503 `job_timed_out`: it did not answer in time.
    """
    asked = wanted if wanted is not None else ConnectionTestRequest()
    if not asked.incoming and not asked.outgoing:
        raise Invalid.field("incoming", "one of `incoming` and `outgoing` must be true")
    return await testing.of_alias(_bench(request), alias_id, asked)


@router.post(
    "/accounts/{account_id}/test-connection",
    tags=["accounts"],
    summary="Test an account and its aliases",
    responses=responses(404),
)
async def try_aliases(
    account_id: Annotated[int, Path(ge=1, lt=2**63)], request: Request, _caller: Administrator
) -> AccountConnectionTest:
    """The identity provider is asked for a new access token, so that a revoked authorization is seen at once; each
    alias is tried with it by the workers that serve it: login as that mailbox, folder, outgoing login and sender.
    """
    return await account_testing.of_account(_bench(request), account_id)
