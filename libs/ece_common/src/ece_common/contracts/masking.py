"""Data masking: patterns of the partition, and the channel that applies them to e-mail (R30 to R37)."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from ece_common.contracts import masking_examples, policy_words
from ece_common.contracts.base import Id, Name, Note, Sent, Strict, SubjectLine, storable
from ece_common.contracts.policies import MAXIMUM_PATTERNS, MaskingCharacter

LONGEST_EXPRESSION = 4000
MAXIMUM_UNMASKED = 1000


def _writable(value: str) -> str:
    """As XML can carry it and Postgres hold it."""
    found = next((mark for mark in value if mark in "\ufffe\uffff" or (mark < " " and mark not in "\t\n")), None)
    if found is not None:
        raise ValueError(f"must not contain the control character U+{ord(found):04X}; write \\u{ord(found):04x}")
    return value


RegularExpression = Annotated[str, StringConstraints(max_length=LONGEST_EXPRESSION), AfterValidator(_writable)]
TriedText = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(storable)]
Unmasked = Annotated[int, Field(ge=0, le=MAXIMUM_UNMASKED)]
PatternIds = Annotated[list[Id], Field(max_length=MAXIMUM_PATTERNS)]


class NewMaskingPattern(Strict, words=policy_words.PATTERN):
    """The Java expression is the one that is run on mail."""

    model_config = masking_examples.NEW_PATTERN

    name: Name
    description: Note = ""
    active: bool = True
    masking_character: MaskingCharacter = "*"
    java_regular_expression: Annotated[RegularExpression, Field(min_length=1)]
    javascript_regular_expression: RegularExpression = ""
    unmask_from_left: Unmasked = 0
    unmask_from_right: Unmasked = 0
    apply_luhn: bool = False


class MaskingPatternChange(Strict, words=policy_words.PATTERN):
    """RFC 7396 merge patch."""

    model_config = masking_examples.PATTERN_CHANGE

    name: Name | None = None
    description: Note | None = None
    active: bool | None = None
    masking_character: MaskingCharacter | None = None
    java_regular_expression: Annotated[RegularExpression, Field(min_length=1)] | None = None
    javascript_regular_expression: RegularExpression | None = None
    unmask_from_left: Unmasked | None = None
    unmask_from_right: Unmasked | None = None
    apply_luhn: bool | None = None


class StoredPattern(Sent, words=policy_words.PATTERN):
    model_config = masking_examples.PATTERN

    id: int
    name: str
    description: str
    active: bool
    masking_character: MaskingCharacter
    java_regular_expression: str
    javascript_regular_expression: str
    unmask_from_left: int
    unmask_from_right: int
    apply_luhn: bool
    linear: bool
    """False: needs an engine that backtracks, which runs under a time limit; where the limit ends it, the whole text
    is masked."""
    created_at: datetime
    updated_at: datetime


class ChannelChange(Strict, words=policy_words.CHANNEL):
    """RFC 7396 merge patch of the partition's channel; `pattern_ids` replaces the whole list, in its order."""

    model_config = masking_examples.CHANNEL_CHANGE

    mask_incoming: bool | None = None
    mask_outgoing: bool | None = None
    pattern_ids: PatternIds | None = None
    departments_may_override: bool | None = None


class Channel(Sent, words=policy_words.CHANNEL):
    """What is masked where no department decides for itself."""

    model_config = masking_examples.CHANNEL

    mask_incoming: bool
    mask_outgoing: bool
    pattern_ids: list[int]
    departments_may_override: bool
    updated_at: datetime


class DepartmentChannelChange(Strict, words=policy_words.CHANNEL):
    """RFC 7396 merge patch. `own`: true takes the configuration over from the partition, false gives it back; any
    other field takes it over too.
    """

    model_config = masking_examples.DEPARTMENT_CHANNEL_CHANGE

    own: bool | None = None
    mask_incoming: bool | None = None
    mask_outgoing: bool | None = None
    pattern_ids: PatternIds | None = None


class DepartmentChannel(Sent, words=policy_words.CHANNEL):
    """What is in force for a department: its `own` configuration, or the partition's."""

    model_config = masking_examples.DEPARTMENT_CHANNEL

    own: bool
    mask_incoming: bool
    mask_outgoing: bool
    pattern_ids: list[int]


class MaskingTrial(Strict, words=policy_words.MASKING_TRIAL):
    """A text to try patterns on: those of `pattern_ids`, or `pattern`, which need not be stored."""

    model_config = masking_examples.TRIAL

    text: TriedText
    subject: SubjectLine = ""
    pattern_ids: PatternIds = []
    pattern: NewMaskingPattern | None = None


class MaskedSpan(Sent, words=policy_words.SPAN):
    """Where a pattern found something: from `start` up to, not including, `end`."""

    pattern: str
    start: int
    end: int


class MaskingVerdict(Sent, words=policy_words.MASKING_TRIAL):
    model_config = masking_examples.VERDICT

    text: str
    subject: str
    matches: list[MaskedSpan]
    """In `text`."""
    subject_matches: list[MaskedSpan] = []
    hidden: list[str]
    """Patterns that could not be applied in time: the text they looked through is masked as a whole."""


class ImportedPatterns(Sent, words=policy_words.IMPORTED):
    """All of the file was taken."""

    model_config = masking_examples.IMPORTED

    created: list[str]
    overwritten: list[str]
