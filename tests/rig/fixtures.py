"""Servers that a whole test run shares; each starts when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.postfix import Postfix, PostfixOptions
from tests.rig.postgres import Postgres


@pytest.fixture(scope="session")
def certificates() -> Iterator[Certificates]:
    made = Certificates()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def dovecot(certificates: Certificates) -> Iterator[Dovecot]:
    """Shared: use addresses of your own, and a Dovecot of your own to stop, freeze or crash it."""
    with Dovecot(DovecotOptions(certificate=certificates.good)) as server:
        yield server


@pytest.fixture(scope="session")
def postfix(dovecot: Dovecot, certificates: Certificates) -> Iterator[Postfix]:
    """In front of `dovecot`, whose users log in here as well."""
    with Postfix(dovecot, PostfixOptions(certificate=certificates.good)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Shared: create a database of your own."""
    with Postgres() as cluster:
        yield cluster
