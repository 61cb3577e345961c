"""What tests of parsing share: the samples, and what every parsed mail has to stand."""

from pathlib import Path

from ece_common.contracts.inbound import InboundMessage, Source
from retriever.mailbox.port import RawMail
from retriever.parsing import ParsedMail, Unparsable, parse
from retriever.submission import assemble, prepare
from tests.retriever.fakes import START

REPOSITORY = Path(__file__).parents[2]
CORPUS = REPOSITORY / "tests" / "corpus"


def sample(name: str) -> ParsedMail:
    return parsed((CORPUS / f"{name}.eml").read_bytes())


def parsed(data: bytes) -> ParsedMail:
    mail = parse(data)
    assert isinstance(mail, ParsedMail), mail
    return mail


def files(mail: ParsedMail) -> list[tuple[str, str, bytes]]:
    return [(file.name, file.content_type, file.content) for file in mail.attachments]


def check_storable(data: bytes, mail: ParsedMail | Unparsable) -> None:
    """As the contract wants it, in UTF-8 JSON, without NUL, with slices that fit."""
    item = prepare(RawMail(Source(uid=1), data, START), mail, START)
    assert item.unparsed == isinstance(mail, Unparsable)
    (message,), contents = assemble([item])
    written = message.model_dump_json(by_alias=True).encode("utf-8")
    # An escaped backslash before "u0000" is text that says so, and no NUL.
    assert b"\\u0000" not in written.replace(b"\\\\", b"")
    InboundMessage.model_validate_json(written)
    joined = b"".join(contents)
    for file, found in zip(message.attachments, getattr(mail, "attachments", []), strict=True):
        assert joined[file.content.offset : file.content.offset + file.content.size] == found.content
