"""Servers that a whole test run shares; each starts when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.rig.certificates import Certificates
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.identity_provider import IdentityProvider
from tests.rig.postfix import Postfix, PostfixOptions
from tests.rig.postgres import Postgres

SHARED_MAILBOX = "help@rig.test"


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
def _the_identity_provider(certificates: Certificates) -> Iterator[IdentityProvider]:
    with IdentityProvider(certificates.good) as server:
        yield server


@pytest.fixture
def identity_provider(_the_identity_provider: IdentityProvider) -> Iterator[IdentityProvider]:
    """Shared, and calm at the beginning of each test: use addresses of your own."""
    yield _the_identity_provider
    _the_identity_provider.calm()


@pytest.fixture(scope="session")
def oauth_dovecot(_the_identity_provider: IdentityProvider, certificates: Certificates) -> Iterator[Dovecot]:
    """Takes the tokens of `identity_provider`, and passwords. help@rig.test may be shared by it."""
    options = DovecotOptions(
        certificate=certificates.good,
        introspection_url=_the_identity_provider.introspection_url,
        introspection_ca_file=certificates.ca_file,
        shared_mailboxes=(SHARED_MAILBOX,),
    )
    with Dovecot(options) as server:
        server.add_user(SHARED_MAILBOX)
        yield server


@pytest.fixture(scope="session")
def oauth_postfix(oauth_dovecot: Dovecot, certificates: Certificates) -> Iterator[Postfix]:
    """In front of `oauth_dovecot`, which checks the tokens here as well."""
    with Postfix(oauth_dovecot, PostfixOptions(certificate=certificates.good)) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Shared: create a database of your own."""
    with Postgres() as cluster:
        yield cluster
