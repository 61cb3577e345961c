"""TLS towards other people's servers: verified always, 1.2 or newer."""

import re
import ssl
from typing import Literal

from ece_common.errors import Invalid

MinimumVersion = Literal["TLSv1.2", "TLSv1.3"]

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")

_VERSIONS: dict[MinimumVersion, ssl.TLSVersion] = {
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


def client_context(
    ca_bundle: str | None = None,
    minimum_version: MinimumVersion = "TLSv1.2",
    ca_file: str | None = None,
) -> ssl.SSLContext:
    """Trusts the system's certificates, those in `ca_bundle` (PEM text) and those in `ca_file` (a path).

    Certificate and host name are checked; there is no argument that switches that off. A bundle or file without a
    usable certificate raises `Invalid`, which names it.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    context.minimum_version = _VERSIONS[minimum_version]
    if ca_bundle and ca_bundle.strip():
        # Bundles come with names between the certificates, in any alphabet; OpenSSL wants ASCII.
        _trust(context, "tls.ca_bundle", cadata="\n".join(_CERTIFICATE.findall(ca_bundle)))
    if ca_file:
        _trust(context, "ca_file", cafile=ca_file)
    return context


def _trust(context: ssl.SSLContext, field: str, *, cadata: str | None = None, cafile: str | None = None) -> None:
    try:
        context.load_verify_locations(cafile=cafile, cadata=cadata)
    except ssl.SSLError as problem:
        why = problem.reason or "no certificate"
        raise Invalid.field(field, f"must hold PEM certificates (-----BEGIN CERTIFICATE-----): {why}") from None
    except OSError as problem:
        raise Invalid.field(field, f"must be a file that can be read: {problem.strerror}") from None
    except ValueError:
        raise Invalid.field(field, "must hold PEM certificates (-----BEGIN CERTIFICATE-----)") from None
