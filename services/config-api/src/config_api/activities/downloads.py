"""How a stranger's file is handed to a browser: to be saved, never to be shown or run. Pure."""

import re
from urllib.parse import quote

from fastapi import Response

_UNSAFE = re.compile(r"[^A-Za-z0-9 ._()\-]")
_MEDIA_TYPE = re.compile(r"^[\w!#$&^.+\-]{1,127}/[\w!#$&^.+\-]{1,127}$", re.ASCII)
_NAME_LIMIT = 200


def disposition(name: str) -> str:
    """Content-Disposition (RFC 6266): an ASCII name for old readers, the true one as RFC 8187 has it."""
    name = re.split(r"[/\\]", name)[-1].strip()[:_NAME_LIMIT] or "attachment"
    plain = _UNSAFE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def download(content: bytes, name: str, content_type: str) -> Response:
    media_type = content_type if _MEDIA_TYPE.match(content_type) else "application/octet-stream"
    return Response(
        content,
        headers={
            # Not `media_type=`: it would add a charset to text that the sender wrote in who knows which.
            "Content-Type": media_type,
            "Content-Disposition": disposition(name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )
