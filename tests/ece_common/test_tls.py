import asyncio
import ssl
from pathlib import Path
from typing import Literal

import pytest
import trustme

from ece_common.errors import Invalid
from ece_common.tls import client_context


async def _greeting(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bytes:
    """What a client that expects `name` reads from a TLS server on loopback."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"+OK\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        line = await reader.readline()
        writer.close()
    return line


def _server(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def _pem(authority: trustme.CA) -> str:
    return "# Größte Zertifikatsstelle\n" + authority.cert_pem.bytes().decode()


async def test_a_server_signed_by_the_given_bundle_is_trusted() -> None:
    authority = trustme.CA()

    assert (
        await _greeting(_server(authority, "mail.test"), client_context(_pem(authority)), "mail.test") == b"+OK\r\n"
    )


async def test_a_server_signed_by_the_given_file_is_trusted(tmp_path: Path) -> None:
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.cert_pem.bytes())
    client = client_context(ca_file=str(path))

    assert await _greeting(_server(authority, "mail.test"), client, "mail.test") == b"+OK\r\n"


async def test_a_server_nobody_vouches_for_is_refused() -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await _greeting(_server(trustme.CA(), "mail.test"), client_context(), "mail.test")


async def test_a_certificate_for_another_name_is_refused() -> None:
    authority = trustme.CA()

    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Hh]ostname mismatch"):
        await _greeting(_server(authority, "mail.test"), client_context(_pem(authority)), "other.test")


@pytest.mark.parametrize("minimum", ["TLSv1.2", "TLSv1.3"])
def test_nothing_older_than_the_minimum_version_is_spoken(minimum: Literal["TLSv1.2", "TLSv1.3"]) -> None:
    context = client_context(minimum_version=minimum)

    assert context.minimum_version == ssl.TLSVersion[minimum.replace(".", "_")]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    "text", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "ä"]
)
def test_a_bundle_without_certificates_is_named_as_the_field_at_fault(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        client_context(text)

    assert refusal.value.errors is not None
    assert refusal.value.errors[0].field == "tls.ca_bundle"


def test_a_missing_ca_file_is_named() -> None:
    with pytest.raises(Invalid, match=r"ca_file: must be a file that can be read"):
        client_context(ca_file="/nowhere/ca.pem")
