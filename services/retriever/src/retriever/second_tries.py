"""What a fresh token or a fresh connection may mend is tried with one at once, before it counts as an attempt."""

from collections.abc import Callable

import structlog

from ece_common.contracts.instances import IncomingAccess
from retriever.fresh_token import LoginToken
from retriever.mailbox.port import MailFailure


class SecondTries:
    """Of one alias."""

    def __init__(self, token: LoginToken, monotonic: Callable[[], float]) -> None:
        self._token = token
        self._monotonic = monotonic
        self._reconnected_at = float("-inf")

    def granted(self, access: IncomingAccess, failure: MailFailure, interval: float) -> bool:
        """Whether to begin anew at once. A fresh connection is granted once in `interval` seconds, no more."""
        log = structlog.get_logger()
        if self._token.refused(access, failure):
            log.info("alias.token_refused", detail=failure.detail, stage=failure.stage)
            return True
        if not failure.fleeting or self._monotonic() - self._reconnected_at < interval:
            return False
        self._reconnected_at = self._monotonic()
        log.info("alias.connected_anew", detail=failure.detail, stage=failure.stage)
        return True
