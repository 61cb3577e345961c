import re
from collections.abc import AsyncGenerator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter

from ece_common.contracts.problem import Problem
from ece_common.errors import Transient
from ece_common.operations import create, install_docs


class Service:
    """A worker whose readiness the test decides."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.registry = CollectorRegistry()
        Counter("mails", "Mails fetched.", registry=self.registry).inc(3)
        self.app = create("retriever", ready=self.ready, status=lambda: {"aliases": 2}, registry=self.registry)

    async def ready(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def http(service: Service) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://worker") as client:
        yield client


async def test_a_worker_is_alive_even_while_it_cannot_work(service: Service, http: httpx.AsyncClient) -> None:
    service.trouble = Transient("Config API: connection refused")

    assert (await http.get("/healthz")).json() == {"status": "ok"}
    answer = await http.get("/readyz")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    problem = Problem.model_validate_json(answer.content)
    assert (problem.code, problem.detail) == ("not_ready", "Config API: connection refused")

    service.trouble = None
    assert (await http.get("/readyz")).status_code == 200


async def test_an_unforeseen_trouble_is_not_ready_and_shows_nothing_of_itself(
    service: Service, http: httpx.AsyncClient
) -> None:
    service.trouble = ValueError("password=hunter2")

    answer = await http.get("/readyz")

    assert answer.status_code == 503
    assert "hunter2" not in answer.text


async def test_a_worker_that_stops_takes_no_more_work(service: Service, http: httpx.AsyncClient) -> None:
    service.app.state.stopping = True

    assert (await http.get("/readyz")).json()["code"] == "stopping"


async def test_metrics_and_status_are_served(http: httpx.AsyncClient) -> None:
    metrics = await http.get("/metrics")

    assert metrics.headers["content-type"].startswith("text/plain")
    assert "mails_total 3.0" in metrics.text
    assert (await http.get("/status")).json() == {"aliases": 2}


async def test_the_docs_page_and_all_its_files_come_from_the_service_itself(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy

    addresses: list[str] = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        assert not address.startswith(("http:", "https:", "/"))
        file = await http.get(f"/{address}")
        assert file.status_code == 200, address
    assert "<script>" not in page.text
    assert (await http.get("/docs/assets/swagger-ui-bundle.js")).headers["x-content-type-options"] == "nosniff"
    assert (await http.get("/docs/assets/../../pyproject.toml")).status_code == 404


async def test_every_operation_is_described_with_its_errors(http: httpx.AsyncClient) -> None:
    described = (await http.get("/openapi.json")).json()

    operations = [(path, operation) for path, item in described["paths"].items() for operation in item.values()]
    assert {path for path, _ in operations} == {"/healthz", "/readyz", "/metrics", "/status"}
    for path, operation in operations:
        assert operation["summary"], path
        assert operation["description"], path
        failures = [answer for status, answer in operation["responses"].items() if status >= "400"]
        assert failures, path
        assert all(list(answer["content"]) == ["application/problem+json"] for answer in failures)
    assert "Problem" in described["components"]["schemas"]


async def test_another_app_can_have_the_same_docs_and_keep_the_token_over_a_reload() -> None:
    app = FastAPI(title="Config <API>", docs_url=None, redoc_url=None)
    install_docs(app, persist_authorization=True)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        page = (await client.get("/docs")).text

    assert "Config &lt;API&gt;" in page
    assert 'data-persist-authorization="true"' in page
