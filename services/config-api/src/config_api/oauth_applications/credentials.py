"""The certificate an application proves itself with: what is wrong with it, and what may be shown of it."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ece_common.contracts.oauth_applications import CertificateCredential, ShownCertificate
from ece_common.contracts.problem import FieldProblem

_SMALLEST_KEY = 2048


def problems_of(given: CertificateCredential) -> list[FieldProblem]:
    try:
        certificate = x509.load_pem_x509_certificate(given.certificate.get_secret_value().encode())
    except ValueError:
        return [_problem("certificate", "must be one certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    try:
        key = serialization.load_pem_private_key(given.private_key.get_secret_value().encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return [_problem("private_key", "must be a private key in PEM form, without a passphrase")]
    # RFC 7518 section 3.5, and all that Microsoft takes.
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SMALLEST_KEY:
        return [_problem("private_key", f"must be an RSA key of at least {_SMALLEST_KEY} bits")]
    if certificate.public_key() != key.public_key():
        return [_problem("private_key", "is not the key of this certificate")]
    return []


def _problem(field: str, problem: str) -> FieldProblem:
    return FieldProblem(field=f"certificate.{field}", problem=problem)


def shown(pem: str) -> ShownCertificate:
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return ShownCertificate(
        thumbprint=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - a name, as the portal shows it
        thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        subject=certificate.subject.rfc4514_string()[:500],
        expires_at=certificate.not_valid_after_utc,
    )
