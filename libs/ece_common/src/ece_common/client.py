"""The Config API as a worker sees it: one method a call of the contract."""

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from ece_common.connection import Connection
from ece_common.contracts.aliases import StatusAnswer, StatusReport
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.inbound import InboundAnswer, InboundBatch, KnownAnswer, KnownQuery
from ece_common.contracts.instances import DispatcherAssignment, Heartbeat, HeartbeatAnswer, RetrieverAssignment
from ece_common.contracts.jobs import JobAnswer, JobRequest, JobResult
from ece_common.contracts.outbound import ClaimAnswer, ClaimRequest, OutcomeAnswer, OutcomeBatch
from ece_common.contracts.tokens import AccessToken, AccessTokenRequest
from ece_common.errors import Transient

Answer = TypeVar("Answer", bound=BaseModel)

_JSON = {"Content-Type": "application/json"}
_LONG_POLL_GRACE = 10.0
"""Seconds beyond the asked-for wait in which the Config API must have answered."""

# A mail of 10 KB alone would cost a system call each; one of 100 MB must not be copied whole.
_CHUNK = 256 * 1024


class ConfigClient:
    """Methods raise ece_common.errors: Transient on network trouble, 429 and 5xx, StaleEpoch on a lost lease."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        ca_file: str | None = None,
        allow_plain_http: bool = False,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Plain http to anything but loopback raises Invalid unless `allow_plain_http`. `timeout` in seconds."""

        def connection() -> Connection:
            return Connection(
                base_url,
                token,
                ca_file=ca_file,
                allow_plain_http=allow_plain_http,
                timeout=timeout,
                transport=transport,
            )

        self._connection = connection()
        # A pool of their own: behind a hundred slow submits heartbeats would come too late, and every lease be lost.
        self._heartbeats = connection()

    async def heartbeat(self, kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer:
        response = await self._heartbeats.ask(
            "PUT",
            f"{_replica(kind, instance, replica)}/heartbeat",
            content=beat.model_dump_json(by_alias=True).encode(),
            headers=_JSON,
        )
        return _parsed(response, HeartbeatAnswer)

    async def retriever_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, RetrieverAssignment] | None:
        """(ETag, assignment); None when it is still that of `etag` after `wait` seconds (304)."""
        path = f"{_replica('retriever', instance, replica)}/assignments"
        return await self._assignment(path, etag, wait, RetrieverAssignment)

    async def dispatcher_assignment(
        self, instance: str, replica: str, *, etag: str | None = None, wait: float = 0.0
    ) -> tuple[str, DispatcherAssignment] | None:
        path = f"{_replica('dispatcher', instance, replica)}/assignments"
        return await self._assignment(path, etag, wait, DispatcherAssignment)

    async def report_status(self, alias_id: int, report: StatusReport) -> StatusAnswer:
        return await self._send("POST", f"/v1/aliases/{alias_id}/status-transitions", report, StatusAnswer)

    async def access_token(self, alias_id: int, request: AccessTokenRequest) -> AccessToken:
        """Raise Conflict when only an administrator helps, Transient while the identity provider does not answer."""
        return await self._send("POST", f"/v1/aliases/{alias_id}/access-tokens", request, AccessToken)

    async def submit(self, batch: InboundBatch, contents: Sequence[bytes]) -> InboundAnswer:
        """`contents`, joined in order, are what the slices in `batch` point into."""
        return _parsed(await self._hand_in("POST", "/v1/inbound-messages", batch, contents), InboundAnswer)

    async def known(self, query: KnownQuery) -> KnownAnswer:
        return await self._send("POST", "/v1/inbound-messages/known", query, KnownAnswer)

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        return await self._send("POST", "/v1/outbound-claims", request, ClaimAnswer, wait=request.wait)

    async def claim_attachment(self, claim_id: str, n: int) -> bytes:
        path = f"/v1/outbound-claims/{quote(claim_id, safe='')}/attachments/{n}"
        response = await self._connection.ask("GET", path, headers={"Accept": "*/*"})
        return response.content

    async def report_outcomes(self, batch: OutcomeBatch) -> OutcomeAnswer:
        return await self._send("POST", "/v1/outbound-outcomes", batch, OutcomeAnswer)

    async def claim_job(self, request: JobRequest) -> JobAnswer:
        return await self._send("POST", "/v1/worker-jobs/claims", request, JobAnswer, wait=request.wait)

    async def report_job(self, job_id: str, result: JobResult) -> None:
        """Raise NotFound when nobody waits for it any more."""
        content = result.model_dump_json(by_alias=True).encode()
        await self._connection.ask("PUT", f"{_job(job_id)}/result", content=content, headers=_JSON)

    async def access_token_of_job(self, job_id: str, request: AccessTokenRequest) -> AccessToken:
        """For a connection test in hand. Raise as `access_token`, and NotFound when nobody waits for it any more."""
        return await self._send("POST", f"{_job(job_id)}/access-tokens", request, AccessToken)

    async def original_of_job(self, job_id: str) -> bytes:
        response = await self._connection.ask("GET", f"{_job(job_id)}/original", headers={"Accept": "*/*"})
        return response.content

    async def report_reprocessed(self, job_id: str, batch: InboundBatch, contents: Sequence[bytes]) -> None:
        """`batch` holds the one mail that was read again."""
        await self._hand_in("PUT", f"{_job(job_id)}/reprocessed", batch, contents)

    async def ready(self) -> None:
        """Returns when the Config API is up and its database too; raises otherwise."""
        await self._connection.ask("GET", "/readyz")

    async def aclose(self) -> None:
        await self._connection.aclose()
        await self._heartbeats.aclose()

    async def _hand_in(
        self, method: str, path: str, batch: InboundBatch, contents: Sequence[bytes]
    ) -> httpx.Response:
        boundary = secrets.token_hex(16)
        pieces = _multipart(boundary, batch, contents)
        return await self._connection.ask(
            method,
            path,
            content=_chunks(pieces),
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(sum(map(len, pieces))),
            },
        )

    async def _send(
        self, method: str, path: str, body: BaseModel, answer: type[Answer], *, wait: float = 0.0
    ) -> Answer:
        content = body.model_dump_json(by_alias=True).encode()
        response = await self._connection.ask(
            method, path, content=content, headers=_JSON, read_timeout=self._patience(wait)
        )
        return _parsed(response, answer)

    async def _assignment(
        self, path: str, etag: str | None, wait: float, answer: type[Answer]
    ) -> tuple[str, Answer] | None:
        response = await self._connection.ask(
            "GET",
            path,
            headers={"If-None-Match": etag} if etag else None,
            params={"wait": f"{wait:g}"} if wait else None,
            read_timeout=self._patience(wait),
        )
        if response.status_code == 304:
            return None
        return response.headers.get("ETag", ""), _parsed(response, answer)

    def _patience(self, wait: float) -> float:
        return wait + _LONG_POLL_GRACE if wait else self._connection.timeout


def _replica(kind: ServiceKind, instance: str, replica: str) -> str:
    return f"/v1/{kind}-instances/{quote(instance, safe='')}/replicas/{quote(replica, safe='')}"


def _job(job_id: str) -> str:
    return f"/v1/worker-jobs/{quote(job_id, safe='')}"


def _parsed(response: httpx.Response, answer: type[Answer]) -> Answer:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as problem:
        # Versions that do not fit each other, as in the middle of a rollout: waiting loses nothing, giving up might.
        first = problem.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        text = f"Config API, {response.request.url.path}: the answer is no {answer.__name__}: {where}: {first['msg']}"
        raise Transient(text, code="unexpected_answer") from None


def _multipart(boundary: str, batch: InboundBatch, contents: Sequence[bytes]) -> list[bytes]:
    """RFC 7578, by hand: the pieces stay the caller's own bytes.

    Both parts carry a file name, so that the receiver reads them as files and not as text fields of limited size.
    """
    return [
        f'--{boundary}\r\nContent-Disposition: form-data; name="batch"; filename="batch.json"\r\n'
        "Content-Type: application/json\r\n\r\n".encode(),
        batch.model_dump_json(by_alias=True).encode(),
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="contents"; filename="contents"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode(),
        *contents,
        f"\r\n--{boundary}--\r\n".encode(),
    ]


async def _chunks(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Small pieces joined, large ones cut: each chunk is worth a system call and none is copied twice."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        if size + len(piece) > _CHUNK and waiting:
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(piece) > _CHUNK:
            for start in range(0, len(piece), _CHUNK):
                yield piece[start : start + _CHUNK]
        else:
            waiting.append(piece)
            size += len(piece)
    if waiting:
        yield b"".join(waiting)
