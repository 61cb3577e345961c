"""How a test asks whether an attachment is blocked."""

from ece_common.contracts.policies import BlockingPolicy
from ece_common.policies.attachment_contents import File
from ece_common.policies.blocking import AttachmentBlocking, Verdict
from ece_common.policies.bounds import Bounds
from tests.ece_common.policies.attachment_builders import TEXT

LISTED = BlockingPolicy(blocked_file_extensions=[".exe", ".js", ".vbs"])


def judged(
    name: str, content: bytes = TEXT, policy: BlockingPolicy = LISTED, *, kind: str = "", bounds: Bounds | None = None
) -> Verdict:
    blocking = AttachmentBlocking(policy)
    return blocking.judge([File((name,), kind or "application/octet-stream", content)], bounds=bounds)[0]
