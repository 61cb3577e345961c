"""The command line as an administrator runs it, against the small API."""

from collections.abc import Callable

import httpx
import pytest
from typer.testing import CliRunner, Result

from ece_common.cli.main import app
from ece_common.cli.remote import Remote
from ece_common.connection import Connection
from tests.ece_common.cli.administration import TOKEN, Kept, administration

Ece = Callable[..., Result]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def ece(kept: Kept) -> Ece:
    """Run `ece` with these arguments and this typed in."""
    transport = httpx.ASGITransport(administration(kept))

    def run(*arguments: str, typed: str = "", token: str = TOKEN) -> Result:
        remote = Remote(lambda: Connection("http://127.0.0.1", token, transport=transport))
        return CliRunner().invoke(app, arguments, input=typed, obj=remote)

    return run
