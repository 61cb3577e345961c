"""Whether a changed assignment is another mailbox, to be opened anew. Pure."""

from pydantic.main import IncEx

from ece_common.contracts.instances import AssignedAlias

_IN_PASSING: IncEx = {
    **dict.fromkeys(("recoverable", "next_attempt_at", "failed_attempts", "handed_over_at"), True),
    "incoming": {"access_token", "access_token_expires_at", "account_id"},
}


def needs_restart(before: AssignedAlias, after: AssignedAlias) -> bool:
    """Whether the mailbox has to be opened anew: more has changed than how the attempts stand, or the token.

    Without an account is what has its own login, which differs in more than that, or a Config API of an older version
    said nothing of it: during an upgrade both answer in turns.
    """
    accounts = {before.incoming.account_id, after.incoming.account_id} - {None}
    if len(accounts) > 1:
        return True
    return before.model_dump(exclude=_IN_PASSING) != after.model_dump(exclude=_IN_PASSING)
