"""Access tokens for workers: short-lived, for one alias, never a refresh token."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from ece_common.contracts import worker_answer_examples, worker_examples, worker_words
from ece_common.contracts.base import Sent, ServiceKind, Strict
from ece_common.contracts.instances import ReplicaName
from ece_common.contracts.mistakes import SHA256

PROVIDER_AWAY = "identity_provider_unavailable"
"""The code of a 503 that is the identity provider's; any other says that the Config API itself is in trouble."""

TokenDigest = Annotated[str, StringConstraints(pattern=SHA256)]


class AccessTokenRequest(Strict, words=worker_words.WORKER):
    """A worker asks again after a server refused a token, or ended the session because it had run out.

    Answered with the token of now when it is another than the refused one, else with a newly fetched one. 409
    `account_invalid`: only an administrator can help. 503 `identity_provider_unavailable`: the identity provider does
    not answer now.
    """

    model_config = worker_examples.ACCESS_TOKEN_REQUEST

    kind: ServiceKind
    instance: ReplicaName
    replica: ReplicaName
    refused: TokenDigest | None = Field(default=None, description="SHA-256 (hex) of the token that was refused.")


class AccessToken(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.ACCESS_TOKEN

    access_token: str = Field(repr=False)
    expires_at: datetime
