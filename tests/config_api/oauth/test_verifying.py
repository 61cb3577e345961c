"""Verification step by step, private networks, certificates, and warnings before a credential runs out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID

from config_api.oauth_applications import repository
from config_api.oauth_applications.expiry import WARNED_BEFORE, warning_due
from config_api.outgoing_http import policy
from tests.config_api.builders import fields_of
from tests.config_api.oauth.builders import a_code, an_account, an_application, application_body, keeper
from tests.config_api.oauth.provider import SECRET, Provider
from tests.config_api.process import Clock, ConfigApi, running
from tests.rig.certificates import Certificates

NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def _verified(admin: httpx.AsyncClient, application: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = await admin.post(f"/oauth-applications/{application['id']}/verify")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    steps = {step["step"]: step for step in body["steps"]}
    assert body["ok"] == all(step["outcome"] != "failed" for step in steps.values())
    assert SECRET not in answer.text
    return steps


def _outcomes(steps: dict[str, dict[str, Any]]) -> list[str]:
    return [step["outcome"] for step in steps.values()]


async def test_a_good_application_passes_every_step(admin: httpx.AsyncClient, provider: Provider) -> None:
    steps = await _verified(admin, await an_application(admin, provider))
    assert _outcomes(steps) == ["ok", "ok", "ok", "ok", "skipped"]
    assert steps["web_server_url"]["detail"] == "https://mail.shop.test/oauth/callback"


async def test_each_step_that_fails_says_why_and_what_to_do(
    admin: httpx.AsyncClient, provider: Provider, clock: Clock
) -> None:
    wrong = await _verified(admin, await an_application(admin, provider, client_secret="wrong"))
    assert wrong["credentials"]["outcome"] == "failed"
    assert "Value" in wrong["credentials"]["hint"]
    tenant = await an_application(admin, provider, issuer=provider.issuer.replace("realm", "other"))
    steps = await _verified(admin, tenant)
    assert _outcomes(steps) == ["ok", "ok", "failed", "skipped", "skipped"]
    assert "404" in steps["discovery"]["detail"]
    unknown = await an_application(admin, provider, issuer="https://nowhere.invalid/realm")
    assert (await _verified(admin, unknown))["addresses"]["outcome"] == "failed"
    past = (clock() - timedelta(days=1)).isoformat()
    expired = await _verified(admin, await an_application(admin, provider, client_secret_expires_at=past))
    assert expired["expiry"]["outcome"] == "failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://somebody-else.test/realm"},
        {"token_endpoint": "http://localhost/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": 7},
    ],
)
async def test_a_description_that_is_not_the_issuers_own_is_refused(
    admin: httpx.AsyncClient, provider: Provider, changes: dict[str, Any]
) -> None:
    provider.document_changes = changes
    assert (await _verified(admin, await an_application(admin, provider)))["discovery"]["outcome"] == "failed"
    assert provider.token_requests == 0


@pytest.mark.parametrize("issuer", ["https://10.1.2.3/realm", "https://127.0.0.1:9/x", "https://[::1]/x",
                                    "https://localhost/x", "https://169.254.169.254/x"])  # fmt: skip
async def test_an_issuer_in_a_private_network_is_refused_unless_the_configuration_allows_it(
    database: str, clock: Clock, provider: Provider, certificates: Certificates, issuer: str
) -> None:
    async with running(database, clock, ca_file=str(certificates.ca_file), token_check_seconds=117.0) as service:
        refused = await service.admin.post("/oauth-applications", json=application_body(provider, issuer=issuer))
        assert fields_of(refused) == ["issuer"]


async def test_a_name_that_leads_into_a_private_network_is_refused_at_every_request(
    config_api: ConfigApi, database: str, clock: Clock, provider: Provider, certificates: Certificates
) -> None:
    account = await an_account(config_api, provider)
    application = (await config_api.admin.get(f"/oauth-applications/{account['oauth_application_id']}")).json()
    before = sum(provider.requests.values())
    clock.advance(hours=1)
    # The same database, served by a process whose configuration allows no private network.
    async with running(database, clock, ca_file=str(certificates.ca_file), token_check_seconds=116.0) as strict:
        steps = await _verified(strict.admin, application)
        assert steps["addresses"]["outcome"] == "failed"
        assert "ECE_EGRESS_ALLOW" in steps["addresses"]["hint"]
        begun = await strict.admin.post(f"/oauth-applications/{application['id']}/authorization-requests", json={})
        assert begun.status_code == 403
        assert await keeper(strict).sweep() == 0
    assert sum(provider.requests.values()) == before
    read = (await config_api.admin.get(f"/accounts/{account['id']}")).json()
    assert read["authorization_state"] == "authorized"


async def test_a_stranger_with_an_unknown_certificate_gets_no_secret(
    database: str, clock: Clock, provider: Provider
) -> None:
    async with running(database, clock, egress_allow=["127.0.0.0/8"], token_check_seconds=115.0) as service:
        steps = await _verified(service.admin, await an_application(service.admin, provider))
        assert "certificate is not valid" in steps["discovery"]["detail"]
    assert provider.token_requests == 0


def _pair(key: CertificateIssuerPrivateKeyTypes, until: datetime) -> dict[str, str]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail-gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"private_key": pem.decode(), "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode()}


async def test_a_certificate_takes_the_place_of_the_secret(config_api: ConfigApi, provider: Provider) -> None:
    admin = config_api.admin
    pair = _pair(rsa.generate_private_key(65537, 2048), datetime(2030, 1, 20, tzinfo=UTC))
    made = await admin.post(
        "/oauth-applications", json=application_body(provider, client_secret=None, certificate=pair)
    )
    assert made.status_code == 201, made.text
    shown = made.json()["certificate"]
    assert (shown["subject"], len(shown["thumbprint"])) == ("CN=mail-gateway", 40)
    assert "PRIVATE KEY" not in made.text
    assert made.json()["client_secret_set"] is False
    application = made.json()["id"]
    account = await an_account(config_api, provider, application)
    assert account["authorization_state"] == "authorized"
    assert "client_secret" not in provider.token_bodies[-1]
    assert provider.token_bodies[-1]["client_assertion_type"].endswith("jwt-bearer")
    await keeper(config_api).tidy()
    feed = (await admin.get("/events")).json()["items"]
    [warning] = [one for one in feed if one["type"] == "oauth_application.credential_expiring"]
    assert (warning["data"]["days"], warning["data"]["credential"]) == (30, "certificate")
    both = {"certificate": pair, "client_secret": "x"}
    assert fields_of(await admin.patch(f"/oauth-applications/{application}", json=both)) == ["certificate"]
    back = await admin.patch(f"/oauth-applications/{application}", json={"client_secret": SECRET})
    assert (back.json()["client_secret_set"], back.json()["certificate"]) == (True, None)
    await a_code(config_api, provider, application)


async def test_a_key_that_cannot_sign_for_the_certificate_is_named(
    admin: httpx.AsyncClient, provider: Provider
) -> None:
    good = _pair(rsa.generate_private_key(65537, 2048), datetime(2031, 1, 1, tzinfo=UTC))
    other = _pair(rsa.generate_private_key(65537, 2048), datetime(2031, 1, 1, tzinfo=UTC))
    curve = _pair(ec.generate_private_key(ec.SECP256R1()), datetime(2031, 1, 1, tzinfo=UTC))
    for pair in ({**good, "private_key": other["private_key"]}, curve, {**good, "private_key": "nonsense"}):
        body = application_body(provider, client_secret=None, certificate=pair)
        assert fields_of(await admin.post("/oauth-applications", json=body)) == ["certificate.private_key"]


@pytest.mark.rule(144)
@pytest.mark.parametrize(
    ("left", "warned", "due"),
    [(31, None, None), (30, None, 30), (8, 30, None), (7, 30, 7), (0.5, 30, 1), (0.5, 1, None), (-3, 1, None),
     (-3, None, 1)],
)  # fmt: skip
def test_warnings_come_thirty_seven_and_one_day_before(left: float, warned: int | None, due: int | None) -> None:
    assert warning_due(NOW + timedelta(days=left), warned, NOW) == due


@pytest.mark.rule(144)
async def test_each_warning_is_told_once_and_anew_for_a_new_secret(
    admin: httpx.AsyncClient, config_api: ConfigApi, clock: Clock
) -> None:
    expires = clock() + timedelta(days=40)
    application = await an_application(admin, client_secret_expires_at=expires.isoformat())

    async def told() -> list[int]:
        feed = (await admin.get("/events")).json()["items"]
        return [one["data"]["days"] for one in feed if one["type"] == "oauth_application.credential_expiring"]

    for _ in range(45):
        await keeper(config_api).tidy()
        clock.advance(days=1)
    assert await told() == [30, 7, 1]
    later = (clock() + timedelta(days=5)).isoformat()
    change = {"client_secret": "new", "client_secret_expires_at": later}
    await admin.patch(f"/oauth-applications/{application['id']}", json=change)
    await keeper(config_api).tidy()
    assert await told() == [30, 7, 1, 7]


async def test_a_new_secret_does_not_inherit_the_old_ones_expiry(admin: httpx.AsyncClient, clock: Clock) -> None:
    soon = (clock() + timedelta(days=5)).isoformat()
    path = f"/oauth-applications/{(await an_application(admin, client_secret_expires_at=soon))['id']}"
    same = await admin.patch(path, json={"client_secret": SECRET, "endpoint": "china"})
    assert same.json()["client_secret_expires_at"] is not None
    assert (await admin.patch(path, json={"client_secret": "another"})).json()["client_secret_expires_at"] is None


@pytest.mark.rule(144)
async def test_many_secrets_that_run_out_together_are_all_warned_of(
    config_api: ConfigApi, sql: asyncpg.Connection, clock: Clock
) -> None:
    """Those that were warned of already do not stand in the way of the others."""
    soon = (clock() + timedelta(days=20)).isoformat()
    for _ in range(3):
        await an_application(config_api.admin, client_secret_expires_at=soon)
    await sql.execute("UPDATE oauth_applications SET warned_days = 30 WHERE id <> 3")
    async with config_api.app.state.sessions() as session:
        found = await repository.expiring(session, clock(), WARNED_BEFORE, 2)
    assert [one.id for one in found] == [3]


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999Z"]
)
async def test_an_expiry_that_the_database_takes_for_infinite_is_refused(
    admin: httpx.AsyncClient, moment: str
) -> None:
    body = application_body(client_secret_expires_at=moment)
    assert fields_of(await admin.post("/oauth-applications", json=body)) == ["client_secret_expires_at"]


async def test_an_issuer_with_an_impossible_port_is_named(admin: httpx.AsyncClient, provider: Provider) -> None:
    body = application_body(provider, issuer="https://localhost:99999/realm")
    assert fields_of(await admin.post("/oauth-applications", json=body)) == ["issuer"]


@pytest.mark.parametrize(
    ("allow", "reached", "shut"),
    [
        ([], ["93.184.216.34", "2606:2800::1"], ["10.1.2.3", "127.0.0.1", "::1"]),
        (["10.1.0.0/16"], ["10.1.2.3"], ["10.2.0.1", "93.184.216.34"]),
        (["0.0.0.0/0", "::/0"], ["93.184.216.34", "2606:2800::1"], ["10.1.2.3", "127.0.0.1", "::1"]),
        (["0.0.0.0/0", "::/0", "10.1.2.0/24", "10.1.0.0/16"], ["8.8.8.8", "10.1.2.3", "10.1.3.3"], ["10.2.0.1"]),
        (["0.0.0.0/0", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["127.0.0.2", "169.254.169.254"]),
    ],
)  # fmt: skip
def test_a_private_network_is_reached_only_when_it_is_named(
    allow: list[str], reached: list[str], shut: list[str]
) -> None:
    rules = policy(allow, [])
    assert [one for one in reached if not rules.allows(one)] == []
    assert [one for one in shut if rules.allows(one)] == []
    assert not policy(allow, ["93.184.0.0/16", "10.1.0.0/16"]).allows("93.184.216.34")
