"""Delivery exceptions: words and phrases by which a department knows bounced mail (guide chapter 6)."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from ece_common.contracts import policy_examples, policy_words
from ece_common.contracts.activities import Subtype
from ece_common.contracts.base import Name, Note, Sent, Strict, SubjectLine
from ece_common.contracts.evidence import MatchedPhrase
from ece_common.contracts.policies import Failure, PhraseType


def _phrase(value: str) -> str:
    """R258. Blanks at the ends stay: they are part of what is looked for."""
    if "@" in value:
        raise ValueError(
            "must not contain @: of an address only what stands before its @ is checked, and no phrase may hold one"
        )
    if not value.strip():
        raise ValueError("must hold at least one character that is no blank")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("must be one line without control characters")
    return value


Phrase = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_phrase)]


class NewDeliveryException(Strict, words=policy_words.DELIVERY_EXCEPTION):
    model_config = policy_examples.NEW_DELIVERY_EXCEPTION

    name: Name
    description: Note = ""
    type: PhraseType
    phrase: Phrase
    failure: Failure


class DeliveryExceptionChange(Strict, words=policy_words.DELIVERY_EXCEPTION):
    """RFC 7396 merge patch. Of a system-provided one, only the department's own copy changes."""

    model_config = policy_examples.DELIVERY_EXCEPTION_CHANGE

    name: Name | None = None
    description: Note | None = None
    type: PhraseType | None = None
    phrase: Phrase | None = None
    failure: Failure | None = None


class DeliveryException(Sent, words=policy_words.DELIVERY_EXCEPTION):
    model_config = policy_examples.DELIVERY_EXCEPTION

    id: int
    department_id: int
    name: str
    description: str
    type: PhraseType
    phrase: str
    failure: Failure
    system_provided: bool
    """One of the 127 that every department begins with. Deleting it deletes it everywhere."""
    created_at: datetime
    updated_at: datetime


class BounceTrial(Strict, words=policy_words.BOUNCE_TRIAL):
    """A mail to try the phrases on."""

    model_config = policy_examples.BOUNCE_TRIAL

    from_: Annotated[str, StringConstraints(max_length=1000)] | None = Field(default=None, alias="from")
    subject: SubjectLine = ""
    raw_subject: SubjectLine | None = Field(
        default=None, description="With its encoded words (RFC 2047) as sent; left out: as `subject`."
    )


class BounceVerdict(Sent, words=policy_words.BOUNCE_TRIAL):
    model_config = policy_examples.BOUNCE_VERDICT

    subtype: Subtype
    """What the activity would be by the phrases alone."""
    match: MatchedPhrase | None
    """The phrase that decides: of several a permanent one, then the longest, then the oldest."""
