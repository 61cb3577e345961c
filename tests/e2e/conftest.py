"""Fixtures of the whole journeys."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.suite import Suite
from tests.rig.certificates import Certificates
from tests.rig.postgres import Postgres

MakeSuite = Callable[..., Suite]


@pytest.fixture
def make_suite(postgres: Postgres, migrated: str, certificates: Certificates) -> Iterator[MakeSuite]:
    """`make_suite(ECE_LEASE_SECONDS="2")`: a started suite on a database of its own."""
    with ExitStack() as stack:

        def make(**environment: str) -> Suite:
            name = f"suite_{uuid.uuid4().hex}"
            url = postgres.create_database(name, template=migrated)
            stack.callback(postgres.drop_database, name)
            return stack.enter_context(Suite(url, ca_file=certificates.ca_file, **environment))

        yield make


@pytest.fixture
def suite(make_suite: MakeSuite) -> Suite:
    return make_suite()
