"""What a department wants done with its mail: the policies that workers apply, as an assignment brings them."""

from typing import Annotated, Literal

from pydantic import Field

from ece_common.contracts.base import Sent

PhraseType = Literal["address", "subject"]
"""Where a phrase is looked for (R256): the local part of From (R248, R249), or the subject."""
Failure = Literal["permanent", "temporary"]
"""Whether sending again can help (R240, R241)."""
PolicyVersion = Annotated[str, Field(max_length=100)]
"""Names one state of a department's policies; another state has another version. Empty: none were ever set."""

MAXIMUM_PHRASES = 10_000


class DeliveryExceptionPhrase(Sent):
    """One word or phrase that makes a mail a bounce-back (R16, R238)."""

    id: int
    type: PhraseType
    phrase: str
    failure: Failure


class DepartmentPolicies(Sent):
    """One department's policies. Without any, nothing matches."""

    version: PolicyVersion = ""
    delivery_exceptions: Annotated[list[DeliveryExceptionPhrase], Field(max_length=MAXIMUM_PHRASES)] = []
