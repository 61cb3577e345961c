import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from ece_common.client import ConfigClient
from ece_common.contracts.inbound import InboundBatch, InboundMessage
from ece_common.contracts.instances import Heartbeat, Holding
from ece_common.contracts.outbound import ClaimRequest, Outcome, OutcomeBatch
from ece_common.contracts.problem import FieldProblem
from ece_common.contracts.tokens import AccessTokenRequest
from ece_common.errors import Conflict, Forbidden, Invalid, NotFound, Permanent, StaleEpoch, Transient
from tests.ece_common.config_api_fake import TOKEN, Seen, config_api, problem
from tests.ece_common.serving import serving
from tests.ece_common.waiting import until

BASE = "http://127.0.0.1:9"
BEAT = Heartbeat(incarnation="0123456789", holding=[Holding(alias_id=3, epoch=9)])
OUTCOMES = OutcomeBatch(
    instance="default", replica="r1", outcomes=[Outcome(activity_id=1, claim_id="c", outcome="released")]
)


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
async def client(seen: Seen) -> AsyncGenerator[ConfigClient]:
    made = ConfigClient(BASE, TOKEN, transport=httpx.ASGITransport(config_api(seen)))
    yield made
    await made.aclose()


def a_batch(contents: list[bytes]) -> InboundBatch:
    messages: list[InboundMessage] = []
    offset = 0
    for uid, content in enumerate(contents):
        messages.append(
            InboundMessage.model_validate(
                {
                    "source": {"uid": uid, "uidvalidity": 1},
                    "content_sha256": "0" * 64,
                    "original": {"offset": offset, "size": len(content)},
                    "from": "ä@b.test",
                }
            )
        )
        offset += len(content)
    return InboundBatch(alias_id=3, epoch=9, mailbox_generation=1, messages=messages)


def answering(response: Response) -> httpx.ASGITransport:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT"])
    async def always() -> Response:
        return response

    return httpx.ASGITransport(app)


@pytest.mark.parametrize(
    "contents",
    [
        [],
        [b""],
        [b"From: a\r\n\r\n\x00\xff", b"--boundary", b"\r\n"],
        [b"x" * 10_240] * 100,
        [b"small", b"y" * 700_000, b"z" * 256 * 1024, b"end"],
    ],
)
async def test_a_batch_arrives_with_every_byte_of_its_contents(seen: Seen, contents: list[bytes]) -> None:
    batch = a_batch(contents)

    async with serving(config_api(seen)) as url:
        client = ConfigClient(url, TOKEN)
        answer = await client.submit(batch, contents)
        await client.aclose()

    assert seen.batches == [(batch, b"".join(contents))]
    assert [result.outcome for result in answer.results] == ["stored"] * len(contents)
    assert "transfer-encoding" not in seen.headers[0]


async def test_a_heartbeat_names_instance_and_replica_and_ignores_what_a_newer_server_adds(
    client: ConfigClient, seen: Seen
) -> None:
    answer = await client.heartbeat("retriever", "blue", "pod-1.a", BEAT)

    assert answer.lease_seconds == 15
    assert seen.tokens == [f"Bearer {TOKEN}"]
    (kind, who, body) = seen.bodies[0]
    assert (kind, who, body["holding"]) == ("retriever-instances", "blue/pod-1.a", [{"alias_id": 3, "epoch": 9}])


async def test_an_assignment_comes_with_its_etag_and_not_again_while_it_is_the_same(client: ConfigClient) -> None:
    first = await client.dispatcher_assignment("default", "r1")
    assert first is not None
    etag, assignment = first
    assert assignment.alias_ids == [3]

    assert await client.dispatcher_assignment("default", "r1", etag=etag, wait=20) is None


async def test_another_access_token_is_asked_for_by_the_digest_of_the_refused_one() -> None:
    asked: list[dict[str, str]] = []
    app = FastAPI()

    @app.post("/v1/aliases/7/access-tokens")
    async def tell(request: Request) -> dict[str, str]:
        asked.append(await request.json())
        return {"access_token": "an access token", "expires_at": "2026-11-23T12:00:00Z"}

    client = ConfigClient(BASE, TOKEN, transport=httpx.ASGITransport(app))
    request = AccessTokenRequest(kind="retriever", instance="default", replica="r1", refused="0" * 64)
    answer = await client.access_token(7, request)
    await client.aclose()
    assert (answer.access_token, answer.expires_at.hour) == ("an access token", 12)
    assert "an access token" not in repr(answer)
    assert asked == [request.model_dump()]


async def test_an_attachment_is_bytes(client: ConfigClient) -> None:
    assert await client.claim_attachment("c-1", 2) == b"c-1:2\x00\xff"


async def test_a_name_cannot_lead_to_another_path(client: ConfigClient) -> None:
    with pytest.raises(NotFound):
        await client.claim_attachment("../../tokens", 2)


async def test_a_lost_lease_is_a_stale_epoch(client: ConfigClient) -> None:
    with pytest.raises(StaleEpoch, match="passed on"):
        await client.report_outcomes(OUTCOMES)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(409, Conflict), (403, Forbidden), (422, Invalid), (418, Permanent), (429, Transient), (500, Transient)],
)
async def test_both_sides_of_the_wire_raise_the_same(status: int, kind: type[Exception]) -> None:
    errors = [FieldProblem(field="limit", problem="must be 1 or more")]
    client = ConfigClient(BASE, TOKEN, transport=answering(problem(status, "its_code", "why", errors)))

    with pytest.raises(kind, match="why") as raised:
        await client.ready()

    assert isinstance(raised.value, Transient | Permanent)
    assert (raised.value.code, raised.value.errors) == ("its_code", errors)


@pytest.mark.parametrize(("status", "kind"), [(502, Transient), (404, NotFound), (302, Permanent)])
async def test_a_proxy_that_answers_instead_is_understood_by_its_status(status: int, kind: type[Exception]) -> None:
    client = ConfigClient(BASE, TOKEN, transport=answering(Response("<h1>nginx</h1>", status_code=status)))

    with pytest.raises(kind, match=f"GET /readyz: HTTP {status}"):
        await client.ready()


async def test_an_answer_outside_the_contract_is_tried_again_later() -> None:
    client = ConfigClient(BASE, TOKEN, transport=answering(Response('{"lease_seconds": "soon"}')))

    with pytest.raises(Transient, match="no HeartbeatAnswer: lease_seconds"):
        await client.heartbeat("retriever", "default", "r1", BEAT)


async def test_a_server_that_is_away_is_transient_and_the_message_holds_no_token() -> None:
    client = ConfigClient(BASE, TOKEN)

    with pytest.raises(Transient, match="PUT /v1/retriever-instances") as raised:
        await client.heartbeat("retriever", "default", "r1", BEAT)

    assert TOKEN not in str(raised.value)
    assert raised.value.code == "network"
    await client.aclose()


async def test_a_server_that_hangs_is_given_up_but_a_long_poll_may_wait_longer() -> None:
    app = FastAPI()
    held = asyncio.Event()

    @app.get("/readyz")
    async def hang() -> None:
        await asyncio.wait_for(held.wait(), 20)

    @app.post("/v1/outbound-claims")
    async def claims(request: Request) -> dict[str, object]:
        await asyncio.sleep((await request.json())["wait"])
        return {"claims": [], "routes": {}}

    async with serving(app) as url:
        client = ConfigClient(url, TOKEN, timeout=0.05)
        with pytest.raises(Transient, match="ReadTimeout"):
            await client.ready()
        assert (await client.claim(ClaimRequest(instance="default", replica="r1", wait=0.15))).claims == []
        held.set()
        await client.aclose()


async def test_a_heartbeat_does_not_wait_behind_any_number_of_slow_submits() -> None:
    app = FastAPI()
    waiting: list[Request] = []
    answer = asyncio.Event()

    @app.post("/v1/inbound-messages")
    async def slow(request: Request) -> dict[str, object]:
        waiting.append(request)
        await asyncio.wait_for(answer.wait(), 20)
        return {"results": []}

    @app.put("/v1/retriever-instances/default/replicas/r1/heartbeat")
    async def beat() -> dict[str, object]:
        return {
            "leases": [],
            "lease_seconds": 15,
            "beat_after_seconds": 5,
            "lease_expires_at": "2026-01-01T00:00:00Z",
        }

    async with serving(app) as url:
        client = ConfigClient(url, TOKEN)
        submits = [asyncio.create_task(client.submit(a_batch([]), [])) for _ in range(150)]
        await until(lambda: len(waiting) >= 100)
        async with asyncio.timeout(5):
            assert (await client.heartbeat("retriever", "default", "r1", BEAT)).lease_seconds == 15
        answer.set()
        await asyncio.gather(*submits)
        await client.aclose()


async def test_connections_are_kept_and_reused() -> None:
    app = FastAPI()
    ports: set[int] = set()

    @app.get("/readyz")
    async def ready(request: Request) -> None:
        assert request.client is not None
        ports.add(request.client.port)

    async with serving(app) as url:
        client = ConfigClient(url, TOKEN)
        for _ in range(5):
            await client.ready()
        await client.aclose()

    assert len(ports) == 1


@pytest.mark.parametrize("url", ["http://config-api:8080", "http://10.0.0.1", "http://127.0.0.1.evil.test"])
def test_a_token_does_not_travel_over_plain_http(url: str) -> None:
    with pytest.raises(Invalid, match="plain http") as refusal:
        ConfigClient(url, TOKEN)

    assert TOKEN not in str(refusal.value)
    ConfigClient(url, TOKEN, allow_plain_http=True)


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://[::1]:8080", "http://127.1.2.3", "https://config-api"]
)
def test_loopback_and_https_are_fine(url: str) -> None:
    ConfigClient(url, TOKEN)


@pytest.mark.parametrize(
    "url", ["", "config-api:8080", "ftp://x", "https://", "https://me:pw@host", "http://[", "https://h:x"]
)
def test_an_address_that_cannot_be_right_is_refused_at_once(url: str) -> None:
    with pytest.raises(Invalid, match="config_api_url"):
        ConfigClient(url, TOKEN)


@pytest.mark.parametrize("token", ["", "  \n", "two words", "tökén", "a\r\nb"])
def test_a_token_that_fits_no_header_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(Invalid, match="token") as refusal:
        ConfigClient(BASE, token)

    assert not token.strip() or token not in str(refusal.value)
