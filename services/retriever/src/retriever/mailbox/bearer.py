"""How a mailbox is logged in to with an access token. Pure."""

from collections.abc import Collection

from ece_common import bearer
from ece_common.bearer import MECHANISMS, Mechanism
from ece_common.contracts.instances import IncomingAccess
from retriever.diagnosis import Unfit


def chosen(offered: Collection[str]) -> Mechanism:
    """Raises Unfit when the server names mechanisms, and neither is among them."""
    for mechanism in MECHANISMS:
        if mechanism in offered or not offered:
            return mechanism
    names = ", ".join(sorted(offered))[:200]
    raise Unfit(f"the server takes no access token on this connection (neither XOAUTH2 nor OAUTHBEARER, but {names})")


def response(mechanism: Mechanism, access: IncomingAccess) -> bytes:
    token = access.access_token or ""
    return bearer.response(mechanism, token, access.user_name, host=access.server_name, port=access.port)


def told(refusal: str, challenge: bytes | None) -> str:
    """The refusal with the status of the continuation line before it, when that holds one."""
    return bearer.with_status(refusal, (challenge or b"").decode(errors="replace").removeprefix("+"))
