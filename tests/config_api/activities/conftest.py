"""A mailbox whose mail is handed in."""

import httpx
import pytest

from tests.config_api.mail_in import Mailbox, a_mailbox


@pytest.fixture
async def mailbox(admin: httpx.AsyncClient, worker: httpx.AsyncClient) -> Mailbox:
    return await a_mailbox(admin, worker)
