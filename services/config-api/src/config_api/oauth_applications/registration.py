"""An application opened for one request to its provider."""

from config_api.oauth_applications import draft
from config_api.oauth_applications.identity import Registration
from config_api.oauth_applications.tables import ApplicationRow
from config_api.sealing import Vault


def opened(row: ApplicationRow, vault: Vault) -> Registration:
    """Raise `CannotOpen` when no master key opens the credential."""
    return Registration(
        provider=draft.of_row(row).reached,
        client_id=row.client_id,
        secret=vault.open(row.client_secret) if row.client_secret is not None else None,
        private_key=vault.open(row.certificate_private_key) if row.certificate_private_key is not None else None,
        certificate=row.certificate,
    )
