"""A Config API that may ask the provider on this machine, and the provider."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.config_api.oauth.provider import Provider
from tests.config_api.process import Clock, ConfigApi, running
from tests.rig.certificates import Certificates


@pytest.fixture
def provider(certificates: Certificates) -> Iterator[Provider]:
    with Provider(certificates.good) as one:
        yield one


@pytest.fixture
async def config_api(database: str, clock: Clock, certificates: Certificates) -> AsyncIterator[ConfigApi]:
    async with running(database, clock, **allowed(certificates)) as service:
        answer = await service.admin.patch("/settings", json={"web_server_url": "https://mail.shop.test"})
        assert answer.status_code == 200, answer.text
        yield service


def allowed(certificates: Certificates) -> dict[str, object]:
    """The background duty sleeps: tests say when something is due."""
    return {
        "egress_allow": ["127.0.0.0/8", "::1/128"],
        "ca_file": str(certificates.ca_file),
        "token_check_seconds": 120.0,
    }
