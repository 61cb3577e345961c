"""One running Config API, with something in it, for every test of the contract."""

import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.suite import Suite
from tests.rig.postgres import Postgres


@pytest.fixture(scope="session")
def described(postgres: Postgres, migrated: str) -> Iterator[Suite]:
    name = f"openapi_{uuid.uuid4().hex}"
    with Suite(postgres.create_database(name, template=migrated)) as suite:
        department = suite.department()
        alias = {
            "name": "Support",
            "email_address": "support@shop.test",
            "default_alias": True,
            "incoming": {"server_name": "127.0.0.1", "user_name": "support", "password": "secret"},
            "outgoing": {"server_name": "127.0.0.1"},
        }
        suite.post(f"/departments/{department}/aliases", alias)
        message = {"to": ["anna@customer.test"], "subject": "Hello", "text": "Hello."}
        suite.post(f"/departments/{department}/activities", message)
        yield suite
    postgres.drop_database(name)
