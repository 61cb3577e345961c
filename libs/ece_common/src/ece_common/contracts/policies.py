"""What a department wants done with its mail: the policies that workers apply, as an assignment brings them."""

from typing import Annotated, Literal

from pydantic import Field

from ece_common.contracts import policy_words, settings_words, worker_words
from ece_common.contracts.base import Sent

PhraseType = Literal["address", "subject"]
"""Where a phrase is looked for (R256): the local part of From (R248, R249), or the subject."""
Failure = Literal["permanent", "temporary"]
"""Whether sending again can help (R240, R241)."""
PolicyVersion = Annotated[str, Field(max_length=100)]
"""Names one state of a department's policies; another state has another version. Empty: none were ever set."""

MAXIMUM_PHRASES = 10_000
MAXIMUM_PATTERNS = 100
"""Masking patterns of a partition, as upstream has it."""

EmailForScan = Literal["inbound_emails_only", "both_inbound_and_outbound_emails"]
BlockedAction = Literal["quarantine", "delete"]
EncryptedArchives = Literal["block", "allow"]
MaskingCharacter = Literal["*", "-", "#", "X", "x"]


class DeliveryExceptionPhrase(Sent, words=policy_words.DELIVERY_EXCEPTION):
    """One word or phrase that makes a mail a bounce-back."""

    id: int
    type: PhraseType
    phrase: str
    failure: Failure


class BlockingPolicy(Sent, words=settings_words.DEPARTMENT):
    """Which attachments are kept from a department. Extensions with or without their dot, in any case.

    `block_all_attachments` beats `attachments_blocked`, which beats `attachments_allowed`, which beats
    `blocked_file_extensions`. As it stands here it blocks nothing.
    """

    attachments_allowed: list[str] = []
    """The partition's: no department's list blocks these."""
    attachments_blocked: list[str] = []
    """The partition's."""
    blocked_file_extensions: list[str] = []
    """The department's."""
    block_all_attachments: bool = False
    email_for_scan: EmailForScan = "inbound_emails_only"
    """Outgoing mail is never scanned alone."""
    action_on_blocked_attachments: BlockedAction = "quarantine"
    encrypted_archives: EncryptedArchives = "block"
    """Whose content nobody here can see: archives that are encrypted or of a kind that cannot be opened, mail that is
    signed or encrypted as a whole (S/MIME, PGP), pieces of a mail (message/partial)."""


class MaskingPattern(Sent, words=policy_words.PATTERN):
    """What to look for and what to leave readable of it. The Java expression is the one that is run."""

    id: int = 0
    name: str
    masking_character: MaskingCharacter = "*"
    java_regular_expression: str
    javascript_regular_expression: str = ""
    unmask_from_left: int = 0
    unmask_from_right: int = 0
    apply_luhn: bool = False


class MaskingPolicy(Sent, words={**policy_words.CHANNEL, **worker_words.POLICIES}):
    """The masking channel in force for a department: its active patterns in the order they are applied."""

    mask_incoming: bool = False
    mask_outgoing: bool = False
    patterns: Annotated[list[MaskingPattern], Field(max_length=MAXIMUM_PATTERNS)] = []


class DepartmentPolicies(Sent, words=worker_words.POLICIES):
    """One department's policies. Without any, nothing matches, nothing is blocked and nothing is masked."""

    version: PolicyVersion = ""
    delivery_exceptions: Annotated[list[DeliveryExceptionPhrase], Field(max_length=MAXIMUM_PHRASES)] = []
    blocking: BlockingPolicy = BlockingPolicy()
    masking: MaskingPolicy = MaskingPolicy()
