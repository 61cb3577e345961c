"""Where a provider sends people back to: the callback page below the partition's Web Server URL (R141, R155)."""

from urllib.parse import urlsplit

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.preferences import in_force
from ece_common.errors import Conflict

CALLBACK = "/oauth/callback"
NOT_SET = "web_server_url_not_set"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


async def uri_or_none(session: AsyncSession) -> str | None:
    url = (await in_force.partition(session)).web_server_url
    return f"{url.rstrip('/')}{CALLBACK}" if url else None


async def uri(session: AsyncSession) -> str:
    """Raise `Conflict` (`web_server_url_not_set`) until the setting is there, and is https or on this machine."""
    found = await uri_or_none(session)
    if found is None:
        raise Conflict(
            "set the partition setting web_server_url first: the address by which browsers reach this service, with "
            "the host name that the redirect URI is registered with",
            code=NOT_SET,
        )
    parts = urlsplit(found)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise Conflict("web_server_url must begin with https:// unless it names this machine", code=NOT_SET)
    return found
