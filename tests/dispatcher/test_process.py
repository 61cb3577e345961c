"""The program as it is installed: its environment, its operations pages, its end on SIGTERM; and a real Postfix."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from dispatcher.transport.smtp import SmtpOptions
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import Heartbeat, HeartbeatAnswer
from ece_common.contracts.outbound import ClaimAnswer, ClaimRequest, OutcomeAnswer, OutcomeBatch
from tests.dispatcher.builders import a_message, an_access
from tests.dispatcher.conftest import Started
from tests.dispatcher.fakes import FakeQueue
from tests.rig.dovecot import Dovecot
from tests.rig.ports import free_port
from tests.rig.postfix import Postfix
from tests.rig.smtp_script import RecordingSmtp

PROGRAM = Path(sys.executable).with_name("ece-dispatcher")


def over_http(queue: FakeQueue) -> FastAPI:
    """The worker side of the Config API, as far as a dispatcher sees it."""
    app = FastAPI()

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/outbound-claims")
    async def claims(request: ClaimRequest) -> ClaimAnswer:
        return await queue.claim(request)

    @app.post("/v1/outbound-outcomes")
    async def outcomes(batch: OutcomeBatch) -> OutcomeAnswer:
        return await queue.report_outcomes(batch)

    @app.put("/v1/{kind}-instances/{instance}/replicas/{replica}/heartbeat")
    async def heartbeat(kind: ServiceKind, instance: str, replica: str, beat: Heartbeat) -> HeartbeatAnswer:
        return await queue.heartbeat(kind, instance, replica, beat)

    return app


@asynccontextmanager
async def served(app: FastAPI) -> AsyncGenerator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    try:
        yield port
    finally:
        server.should_exit = server.force_exit = True
        await serving


async def test_the_program_sends_tells_how_it_is_and_ends_in_order_on_sigterm(server: RecordingSmtp) -> None:
    queue = FakeQueue({"r1": an_access(server.port)})
    await queue.put(a_message(1))
    own_port = free_port()
    async with served(over_http(queue)) as api_port:
        environment = {
            **os.environ,
            "ECE_CONFIG_API_URL": f"http://127.0.0.1:{api_port}",
            "ECE_WORKER_TOKEN": "not-a-secret",
            "ECE_REPLICA": "one",
            "ECE_LISTEN_PORT": str(own_port),
            "ECE_EHLO_NAME": "mail.contact-centre.test",
            "ECE_SHUTDOWN_SECONDS": "4",
        }
        process = await asyncio.create_subprocess_exec(PROGRAM, env=environment, stderr=asyncio.subprocess.PIPE)
        try:
            [entry] = await queue.ended(1, seconds=20)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own_port}", trust_env=False) as client:
                pages = {path: await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/status")}
            process.send_signal(signal.SIGTERM)
            _, log = await asyncio.wait_for(process.communicate(), 15)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    assert entry.last.recipients[0].status == "sent"
    assert "EHLO mail.contact-centre.test" in server.commands
    assert {path: page.status_code for path, page in pages.items()} == dict.fromkeys(pages, 200)
    assert 'ece_dispatcher_recipients_total{status="sent"} 1.0' in pages["/metrics"].text
    assert pages["/status"].json()["totals"]["sent"] == 1
    assert process.returncode == 0, log.decode()
    assert queue.beats[-1].leaving
    assert b"not-a-secret" not in log


@pytest.mark.rule(27, 98)
async def test_postfix_takes_the_mail_over_tls_with_a_login_and_refuses_whom_it_refuses(
    postfix: Postfix, dovecot: Dovecot, running: Started, trusting: SmtpOptions
) -> None:
    dovecot.add_user("dispatch-agent@rig.test", "right horse")
    access = an_access(
        postfix.smtp, server_type="ESMTP", use_ssl=True, user_name="dispatch-agent@rig.test", password="right horse"
    )
    queue = FakeQueue({"r1": access})
    await queue.put(
        a_message(
            1,
            to=["dispatch-agent@rig.test", "ghost@rig.test", "grey@rig.test", "blocked@rig.test"],
            from_name="Köln",
            text="Grüße\n" * 50_000,
        ),
        a_message(2, to=["busy@rig.test"]),
    )
    async with running(queue, smtp=trusting):
        first, second = await queue.ended(1, 2)

    assert [(each.status, each.enhanced_code) for each in first.last.recipients] == [
        ("sent", "2.0.0"),
        ("failed", "5.1.1"),
        ("deferred", "4.2.0"),
        ("failed", "5.7.1"),
    ]
    assert second.outcomes == ["sending", "judged"]
    assert [each.status for each in second.last.recipients] == ["deferred"]
