"""Which of a mail's files are kept from the department: quarantined with their content, or deleted without. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from ece_common.contracts.inbound import BlockedAs
from ece_common.policies.archives import HEAD, UNKNOWN_PACKING, Entry, Sealed
from ece_common.policies.attachment_contents import File
from ece_common.policies.blocking import AttachmentBlocking, Verdict
from ece_common.policies.bounds import Bounds
from retriever.parsing import AttachedFile, ParsedMail, Unparsable, parse


def blocked(mail: ParsedMail, blocking: AttachmentBlocking) -> ParsedMail:
    if not mail.attachments or not blocking.scans("inbound"):
        return mail
    files = [File((file.name, *file.claimed), file.content_type, file.content) for file in mail.attachments]
    verdicts = blocking.judge(files, "inbound")
    if not any(verdict.blocked for verdict in verdicts):
        return mail
    judged = zip(mail.attachments, verdicts, strict=True)
    return replace(mail, attachments=[_kept_away(file, verdict, blocking) for file, verdict in judged])


def forwarded_files(content: bytes, name: str, bounds: Bounds) -> Iterator[Entry]:
    """What a mail inside a mail carries, read as every mail is here."""
    del name
    if not content.strip():
        return
    mail = parse(content)
    if isinstance(mail, Unparsable):
        raise Sealed(UNKNOWN_PACKING)
    for file in mail.attachments:
        bounds.entry()
        yield Entry(file.name, file.content[:HEAD], lambda file=file: file.content, content_type=file.content_type)
        yield from map(Entry, file.claimed)


def _kept_away(file: AttachedFile, verdict: Verdict, blocking: AttachmentBlocking) -> AttachedFile:
    if not verdict.blocked:
        return file
    deleted = blocking.action == "delete"
    return replace(
        file,
        size=len(file.content),
        content=b"" if deleted else file.content,
        state="deleted" if deleted else "quarantined",
        blocked=BlockedAs(extension=verdict.extension, path=verdict.path, reason=verdict.reason),
    )
