"""An OAuth application as anyone may see it."""

from config_api.oauth_applications import credentials, draft
from config_api.oauth_applications.tables import ApplicationRow
from ece_common.contracts.oauth_applications import OauthApplication

_OWN = ("id", "name", "description", "provider", "endpoint", "tenant_id", "issuer", "client_id",
        "client_secret_expires_at", "created_at", "updated_at")  # fmt: skip


def shown(row: ApplicationRow) -> OauthApplication:
    reached = draft.of_row(row).reached
    return OauthApplication(
        **{name: getattr(row, name) for name in _OWN},
        client_secret_set=row.client_secret is not None,
        certificate=credentials.shown(row.certificate) if row.certificate is not None else None,
        servers=reached.servers,
        application_scopes=list(reached.application_scopes),
    )
