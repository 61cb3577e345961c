"""Calls to the Config API from the command line.

A refusal, or trouble on the way, is printed field by field and ends the command with 1; what never was asked, with 2.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NoReturn
from urllib.parse import quote

import typer

from ece_common.cli.output import complain, object_to
from ece_common.connection import Connection
from ece_common.errors import EceError, Transient

Fields = Mapping[str, Any]

TEST_SECONDS = 75.0
"""A connection test asks the identity provider and then the workers, and answers within a minute."""

_PAGE = 200


class Remote:
    """Opens a connection for each command that needs one, and not before: `--help` needs no address."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect

    def call(
        self,
        method: str,
        path: str,
        body: Fields | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON, or None when it has no body."""
        return self.call_with_etag(method, path, body, params=params, headers=headers)[0]

    def call_with_etag(
        self,
        method: str,
        path: str,
        body: Fields | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, str | None]:
        async def once() -> tuple[Any, str | None]:
            async with self._connection() as connection:
                return await ask(connection, method, path, body, params=params, headers=headers)

        return self._run(once)

    def download(self, path: str) -> bytes:
        """What is no JSON."""
        return self._bytes("GET", path, None, None)

    def upload(self, path: str, content: bytes, media_type: str) -> Any:  # noqa: ANN401 - JSON
        answered = self._bytes("POST", path, content, {"Content-Type": media_type})
        try:
            return _object(answered, f"POST {path}")
        except Transient as error:
            refuse(error)

    def _bytes(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str] | None) -> bytes:
        async def once() -> bytes:
            async with self._connection() as connection:
                response = await connection.ask(
                    method, f"/v1{path}", content=content, headers=headers, read_timeout=TEST_SECONDS
                )
                return response.content

        return self._run(once)

    def pages(self, path: str, *, params: Mapping[str, str] | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """The first `limit` items of a list, over as many pages as it takes."""

        async def all_pages() -> list[dict[str, Any]]:
            async with self._connection() as connection:
                return await _collected(connection, path, dict(params or {}), limit)

        return self._run(all_pages)

    def follow(self, work: Callable[[Connection], Any]) -> None:
        """`work` with a connection of its own, until it ends or is interrupted."""

        async def followed() -> None:
            async with self._connection() as connection:
                await work(connection)

        self._run(followed)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection]:
        try:
            connection = self._connect()
        except EceError as error:
            misused(error)
        try:
            yield connection
        finally:
            await connection.aclose()

    def _run(self, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `call` returns
        try:
            return asyncio.run(call())
        except EceError as error:
            refuse(error)


def remote(context: typer.Context) -> Remote:
    """What the top command prepared."""
    found = context.obj
    assert isinstance(found, Remote)
    return found


def refuse(error: EceError) -> NoReturn:
    """The service did not do it."""
    complain(error)
    raise typer.Exit(1) from None


def misused(error: EceError) -> NoReturn:
    """It was never asked: the command cannot be carried out as it was given."""
    object_to(error)
    raise typer.Exit(2) from None


def segment(value: str) -> str:
    """A value as one part of a path."""
    return quote(value, safe="")


def matching(etag: str | None) -> dict[str, str]:
    """The header by which a change is refused when somebody else was first."""
    return {"If-Match": etag} if etag is not None else {}


async def ask(
    connection: Connection,
    method: str,
    path: str,
    body: Fields | None = None,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[Any, str | None]:
    """The answer's JSON and its ETag."""
    media_type = "application/merge-patch+json" if method == "PATCH" else "application/json"
    response = await connection.ask(
        method,
        f"/v1{path}",
        content=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": media_type, **(headers or {})},
        params=params,
        read_timeout=TEST_SECONDS,
    )
    if not response.content:
        return None, response.headers.get("ETag")
    return _object(response.content, f"{method} {path}"), response.headers.get("ETag")


def _object(content: bytes, asked: str) -> dict[str, Any]:
    """The answer. Raises Transient for what a Config API never says: something else is at that address."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Transient(f"{asked}: the answer is not a Config API's; check the address", code="unexpected_answer")
    return answer


async def _collected(connection: Connection, path: str, params: dict[str, str], limit: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    while len(items) < limit:
        params["limit"] = str(min(_PAGE, limit - len(items)))
        page, _ = await ask(connection, "GET", path, params=params)
        if not isinstance(page.get("items"), list):
            raise Transient(f"GET {path}: the answer is no list; check the address", code="unexpected_answer")
        items += page["items"]
        if not page.get("next_cursor"):
            break
        params["cursor"] = page["next_cursor"]
    return items
