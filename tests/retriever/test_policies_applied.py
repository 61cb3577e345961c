"""A mail goes through its department's policies before anything of it is handed in: recognised, blocked, masked."""

import asyncio
from email.message import EmailMessage

import pytest

from ece_common.contracts.inbound import InboundMessage, Source
from ece_common.contracts.policies import BlockingPolicy, DepartmentPolicies, MaskingPattern, MaskingPolicy
from retriever.applied_policies import AppliedPolicies, Compilations, compiled
from retriever.mailbox.port import RawMail
from retriever.pipeline import drain
from retriever.reading import item_of, read
from retriever.submission import Item, assemble, reduced
from tests.ece_common.policies.attachment_builders import PDF, PROGRAM, TEXT, winmail, zipped
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import START, FakeMailbox, FakeServer, an_email, some_settings
from tests.retriever.work import some_work

NUMBER = "4111 1111 1111 1111"
MASKED = "*" * 19
CARD = MaskingPattern(name="card", java_regular_expression=r"\b(?:\d[ -]?){15}\d\b", apply_luhn=True)
MASKING = MaskingPolicy(mask_incoming=True, patterns=[CARD])
BLOCKING = BlockingPolicy(blocked_file_extensions=[".exe"])


def policies(
    *, blocking: BlockingPolicy | None = None, masking: MaskingPolicy | None = None, version: str = "7"
) -> AppliedPolicies:
    return compiled(
        DepartmentPolicies(version=version, blocking=blocking or BlockingPolicy(), masking=masking or MaskingPolicy())
    )


def raw(content: bytes) -> RawMail:
    return RawMail(Source(uid=1, uidvalidity=1), content, START)


def went_through(content: bytes, applied: AppliedPolicies, **settings: object) -> Item:
    return item_of(raw(content), some_settings(**settings), applied, START)


def contents_of(message: InboundMessage, item: Item) -> list[bytes]:
    joined = b"".join(item.contents)
    slices = [file.content for file in message.attachments]
    return [joined[piece.offset : piece.offset + piece.size] for piece in slices]


def a_mail(*files: tuple[str, bytes], text: str = "Hello", html: str | None = None) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"] = f'"Ann {NUMBER}" <ann@example.com>', "support@shop.test"
    mail["Subject"], mail["Message-ID"] = f"Card {NUMBER}", "<1@example.com>"
    mail["X-Note"], mail["In-Reply-To"] = f"paid with {NUMBER}", "<0123456789abcdef0123456789abcdef@shop.test>"
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for name, content in files:
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes()


def _parts(kind: str, *parts: bytes) -> bytes:
    joined = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n".encode() + joined + b"--b--"


@pytest.mark.rule(15, 219, 228, 229)
def test_a_program_in_a_zip_in_a_winmail_dat_is_quarantined_with_its_content() -> None:
    hidden = winmail(("a.zip", zipped(("invoice.pdf.exe", PROGRAM))))
    item = went_through(a_mail(("winmail.dat", hidden), ("terms.pdf", PDF)), policies(blocking=BLOCKING))

    quarantined, available = item.message.attachments
    assert (quarantined.state, available.state) == ("quarantined", "available")
    assert quarantined.blocked is not None
    assert quarantined.blocked.path == "winmail.dat > a.zip > invoice.pdf.exe"
    assert (available.blocked, available.size) == (None, None)
    assert contents_of(item.message, item) == [hidden, PDF]
    assert item.message.original is None, "the original would hand out what is in quarantine"
    assert item.message.policy_version == "7"


@pytest.mark.rule(228, 230)
def test_a_deleted_attachment_s_content_goes_nowhere() -> None:
    deleting = BLOCKING.model_copy(update={"action_on_blocked_attachments": "delete"})
    item = went_through(a_mail(("b.exe", PROGRAM), ("notes.txt", TEXT)), policies(blocking=deleting))

    gone, kept = item.message.attachments
    assert (gone.state, gone.size, gone.content.size) == ("deleted", len(PROGRAM), 0)
    assert contents_of(item.message, item) == [b"", TEXT]
    assert kept.state == "available"
    assert PROGRAM not in b"".join(item.contents)


def test_a_name_that_another_program_would_go_by_counts_too() -> None:
    content = (
        b"From: a@example.com\r\nContent-Type: application/pdf; name=b.exe\r\n"
        b"Content-Disposition: attachment; filename=a.pdf; filename*=utf-8''c.pdf\r\n\r\n%PDF-1.7"
    )
    item = went_through(content, policies(blocking=BLOCKING))
    assert item.message.attachments[0].state == "quarantined"
    swapped = content.replace(b"b.exe", b"b.pdf").replace(b"filename=a.pdf", b"filename=a.exe")
    assert went_through(swapped, policies(blocking=BLOCKING)).message.attachments[0].state == "quarantined"


@pytest.mark.rule(15)
@pytest.mark.parametrize(
    "header",
    [
        'Content-Disposition: attachment; filename="a.txt"; filename="a.exe"',
        'Content-Disposition: attachment; filename="a.txt"\r\nContent-Disposition: attachment; filename="a.exe"',
        "Content-Type: image/png; name=a.png\r\nContent-Type: image/png; name*0=a.; name*1=exe",
        'Content-Disposition: attachment; filename*0="a.e"; filename*00="b.t"; filename*1="xe"',
        'Content-Disposition: attachment; filename*0="a.exe"; filename*2=".txt"',
        'Content-Disposition: attachment; filename(c)="a.exe"',
        'Content-Disposition: attachment; filename="a."(c)"exe"',
        "Content-Disposition: attachment; filename=a.exe(c)",
        'Content-Type: image/png\r\nContent-Disposition: attachment filename="a.exe"',
        "Content-Disposition: attachment; filename=a;b.exe",
        f'Content-Disposition: attachment; {"x=1; " * 250}filename="a.exe"',
        f'Content-Disposition: attachment; filename="{"a;" * 1500}.exe"',
        f'Content-Disposition: attachment; filename="b.txt"; filename="{"a" * 5000}.exe"',
    ],
)
def test_a_name_that_only_careless_programs_read_counts_too(header: str) -> None:
    start = b"From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    item = went_through(start + header.encode() + b"\r\n\r\nx\r\n--b--", policies(blocking=BLOCKING))
    assert item.message.subtype == "email"
    assert [file.state for file in item.message.attachments] == ["quarantined"]


def test_a_piece_of_a_name_is_no_name() -> None:
    header = b'Content-Disposition: attachment; filename*0="setup.exe"; filename*1="-manual.pdf"'
    start = b"From: ann@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    item = went_through(start + header + b"\r\n\r\nx\r\n--b--", policies(blocking=BLOCKING))
    assert [(file.name, file.state) for file in item.message.attachments] == [("setup.exe-manual.pdf", "available")]


def test_without_blocked_files_the_original_is_handed_in_as_before() -> None:
    content = a_mail(("terms.pdf", PDF))
    item = went_through(content, policies(blocking=BLOCKING))
    assert item.message.original is not None
    assert item.contents[0] == content


@pytest.mark.rule(30, 31, 37)
def test_a_number_is_nowhere_in_what_is_handed_in() -> None:
    html = "<p title='4111 1111 1111 1111'>4111 <b>1111</b>&nbsp;1111 1111</p>"
    content = a_mail((f"card {NUMBER}.txt", TEXT), text=f"My card: {NUMBER}", html=html)
    item = went_through(content, policies(masking=MASKING))

    message = item.message
    handed_in = message.model_dump_json() + b"".join(item.contents).decode()
    assert NUMBER not in handed_in
    assert NUMBER.replace(" ", "") not in handed_in
    assert (message.subject, message.text) == (f"Card {MASKED}", f"My card: {MASKED}\n")
    assert message.html is not None
    assert "4111" not in message.html
    assert (message.from_, message.from_name) == ("ann@example.com", f"Ann {MASKED}")
    assert {"name": "X-Note", "value": f"paid with {MASKED}"} in message.headers
    assert message.attachments[0].name == f"card {MASKED}.txt"
    assert message.in_reply_to == "<0123456789abcdef0123456789abcdef@shop.test>"
    assert message.original is None


@pytest.mark.rule(30, 31)
@pytest.mark.parametrize(
    "hidden",
    [
        b"X-4111111111111111: x\r\n\r\nHello",
        b"Content-Type: text/plain; format=flowed\r\n\r\nMy card is 4111 1111 \r\n1111 1111.",
        b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n> My card is 4111 11 \r\n> 11 1111 1111.",
        b"Content-Type: text/html\r\n\r\n<p>My card is 4111 1111\r\n1111 1111.</p>",
        _parts("mixed", b"Content-Type: image/4111111111111111\r\n\r\nx"),
        _parts(
            "report; report-type=delivery-status",
            b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; 4111111111111111\r\n\r\n"
            b"Final-Recipient: rfc822; 4111111111111111@x.test\r\nAction: 4111111111111111\r\nStatus: 5.1.1\r\n",
        ),
        _parts(
            "report; report-type=feedback-report",
            b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: 4111111111111111\r\n",
            b"Content-Type: message/rfc822\r\n\r\nMessage-ID: <4111111111111111@x>\r\n\r\nx",
        ),
    ],
)
def test_a_number_is_found_where_no_form_has_a_place_for_it(hidden: bytes) -> None:
    message = went_through(b"From: ann@example.com\r\n" + hidden, policies(masking=MASKING)).message
    told = message.model_dump(mode="json", exclude={"content_sha256"})
    assert "4111" not in str(told)
    assert "****" in str(told) or told["attachments"][0]["content_type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("identifier", "kept"),
    [
        ("<4111111111111111@example.com>", False),
        ("<4111-1111-1111-1111>", False),
        ("<20261124.4111111111111111.JavaMail@example.com>", True),
        ("<0123456789abcdef0123456789abcdef@shop.test>", True),
    ],
)
def test_an_identifier_that_a_machine_made_keeps_the_conversation_together(identifier: str, *, kept: bool) -> None:
    content = an_email().replace(b"Message-ID: <", f"Message-ID: {identifier}\r\nX-Other: <".encode())
    masked = went_through(content, policies(masking=MASKING)).message.message_id
    assert (masked == identifier) == kept


@pytest.mark.rule(214, 216)
def test_a_changed_list_works_for_the_next_mail_without_a_restart() -> None:
    compilations, content = Compilations(), a_mail(("b.exe", PROGRAM))
    for extensions, state in (([], "available"), ([".exe"], "quarantined"), ([".js"], "available")):
        assigned = {1: DepartmentPolicies(blocking=BlockingPolicy(blocked_file_extensions=extensions))}
        message = went_through(content, compilations.of(1, assigned)).message
        assert message.attachments[0].state == state


@pytest.mark.rule(35, 37)
def test_masking_of_outgoing_mail_alone_leaves_incoming_mail_as_it_is() -> None:
    outgoing = MaskingPolicy(mask_outgoing=True, patterns=[CARD])
    assert went_through(a_mail(), policies(masking=outgoing)).message.subject == f"Card {NUMBER}"


def test_a_large_body_is_masked_before_it_becomes_an_attachment() -> None:
    content = a_mail(text=f"{NUMBER} " + "word " * 10_000)
    item = went_through(content, policies(masking=MASKING), maximum_body_size=10_000)
    assert [file.name for file in item.message.attachments] == ["body.txt"]
    assert b"".join(item.contents).startswith(MASKED.encode())


def test_a_text_that_could_not_be_masked_in_time_is_hidden_and_the_activity_says_so() -> None:
    broken = CARD.model_copy(update={"name": "broken", "java_regular_expression": "("})
    message = went_through(a_mail(), policies(masking=MaskingPolicy(mask_incoming=True, patterns=[broken]))).message
    assert message.subject == "*" * len(f"Card {NUMBER}")
    assert message.evidence is not None
    assert ("subject", "broken") in [(one.part, one.pattern) for one in message.evidence.hidden]


async def test_a_refused_mail_keeps_its_original_although_it_was_masked() -> None:
    content = a_mail()
    item = went_through(content, policies(masking=MASKING))
    (message,), contents = assemble([reduced(item, "refused")])
    assert message.subtype == "unparsed"
    assert message.original is not None
    assert b"".join(contents) == content


def test_masked_and_other_mails_stand_in_one_batch_in_their_places() -> None:
    applied = policies(blocking=BLOCKING)
    items = [went_through(a_mail((name, TEXT)), applied) for name in ("a.txt", "b.exe", "c.txt")]
    messages, contents = assemble(items)
    joined = b"".join(contents)
    pieces = [message.attachments[0].content for message in messages]
    assert [joined[piece.offset : piece.offset + piece.size] for piece in pieces] == [TEXT] * 3
    assert [message.original is None for message in messages] == [False, True, False]


async def test_a_large_mail_is_told_of_without_the_number_in_its_subject() -> None:
    server, api = FakeServer(an_email(f"Card {NUMBER}", body="x" * 5000)), FakeConfigApi()
    work = some_work(FakeMailbox(server), api, settings=some_settings(maximum_email_size=1024))
    work.policies = lambda: policies(masking=MASKING)
    await drain(work)
    assert [large.subject for large in api.large] == [f"Card {MASKED}"]


async def test_other_mailboxes_are_served_while_hostile_mail_is_looked_through() -> None:
    slow = MaskingPattern(name="slow", java_regular_expression=r"(?=a)(a|aa)+\b#")
    applied = policies(blocking=BLOCKING, masking=MaskingPolicy(mask_incoming=True, patterns=[slow]))
    archive = zipped(*((f"{n}.txt", TEXT) for n in range(2000)))
    hostile = raw(a_mail(("a.zip", archive), text="a" * 50_000))
    reading = asyncio.create_task(read([hostile, hostile], some_settings(), applied, lambda: START))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.002)
        turns += 1
    assert [item.message.subtype for item in await reading] == ["email", "email"]
    assert turns > 20
