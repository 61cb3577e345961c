"""Policies over the whole way: from a mail on a real server to what lies in the database."""

import asyncio
import base64
from email.message import EmailMessage
from email.policy import SMTP

import asyncpg
import pytest

from tests.e2e.builders import a_mailbox, an_alias, imap, smtp
from tests.e2e.suite import Json, Suite
from tests.ece_common.policies.attachment_builders import winmail, zipped
from tests.rig.dovecot import Dovecot
from tests.rig.postfix import Postfix

CARD = "4111111111111111"
SPACED = "4111 1111 1111 1111"


def _mail(to: str, subject: str, text: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "Anna <anna@customer.test>", to, subject
    mail["Message-ID"] = "<one@customer.test>"
    mail.set_content(text)
    return mail


def _the_activity(suite: Suite, alias: Json) -> Json:
    suite.wait_for(lambda: suite.activities(alias_id=alias["id"], direction="inbound") != [], "the activity")
    (found,) = suite.activities(alias_id=alias["id"], direction="inbound")
    return suite.get(f"/activities/{found['id']}")


def _everything(database_url: str) -> bytes:
    """Every row of every table as COPY writes it; bytes stand in it as hexadecimal digits."""

    async def dump() -> bytes:
        connection = await asyncpg.connect(database_url)
        pieces: list[bytes] = []

        async def keep(data: bytes) -> None:
            pieces.append(data)

        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in tables:
                await connection.copy_from_table(table, output=keep)
        finally:
            await connection.close()
        return b"".join(pieces)

    return asyncio.run(dump())


@pytest.mark.rule(14, 15, 207, 219, 229, 231, 232, 236)
def test_a_program_in_a_zip_in_a_winmail_dat_ends_in_quarantine_and_can_be_restored(
    suite: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    support, department = a_mailbox(dovecot), suite.department()
    alias = an_alias(suite, department, support, imap(dovecot, support), smtp(postfix.smtp))
    exe = {"name": "Programs", "blocked_file_extension": ".exe"}
    suite.post(f"/departments/{department}/blocked-file-extensions", exe)
    wrapped = winmail(("invoices.zip", zipped(("invoice.pdf.exe", b"MZ\x90 a program"))))
    mail = _mail(support, "Your invoice", "See the file.")
    mail.add_attachment(wrapped, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="terms.pdf")
    suite.worker("retriever", "retriever-1").start()
    dovecot.deliver(support, mail.as_bytes())

    activity = _the_activity(suite, alias)
    states = {file["name"]: file["state"] for file in activity["attachments"]}
    assert states == {"winmail.dat": "quarantined", "terms.pdf": "available"}
    assert activity["policy_version"]
    (blocked,) = suite.get(f"/departments/{department}/blocked-attachments")["items"]
    assert (blocked["activity_id"], blocked["extension"]) == (activity["id"], "exe")
    assert blocked["path"] == "winmail.dat > invoices.zip > invoice.pdf.exe"

    restored = suite.post(f"/blocked-attachments/{blocked['id']}/restore", expect=200)
    assert {file["state"] for file in restored["attachments"]} == {"available"}
    content = suite.api.get(f"/activities/{activity['id']}/attachments/{blocked['n']}/content")
    assert content.content == wrapped


@pytest.mark.rule(30, 31, 32, 35, 37)
def test_a_card_number_never_reaches_the_database(suite: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    support, department = a_mailbox(dovecot), suite.department()
    alias = an_alias(suite, department, support, imap(dovecot, support), smtp(postfix.smtp))
    expression = r"\b(?:\d[ -]?){15}\d\b"
    cards = {"name": "Cards", "java_regular_expression": expression, "apply_luhn": True, "unmask_from_right": 4}
    pattern = suite.post("/masking-patterns", cards)
    channel = {"mask_incoming": True, "mask_outgoing": True, "pattern_ids": [pattern["id"]]}
    suite.patch("/masking-channel", channel)
    mail = _mail(support, f"Card {CARD}", f"My card is {SPACED}, please take it. Or {CARD}.")
    mail["X-Payment"] = CARD
    mail.replace_header("From", f'"{CARD}" <anna@customer.test>')
    mail.add_alternative(f"<p>My card: <b>{CARD[:8]}</b>{CARD[8:]}</p>", subtype="html")
    suite.worker("retriever", "retriever-1").start()
    dovecot.deliver(support, mail.as_bytes())

    activity = _the_activity(suite, alias)
    assert activity["text"].count("1111") == 2, "the last four digits may be read"
    suite.post(f"/activities/{activity['id']}/replies", {"text": f"We charged {CARD}.", "subject": f"Re: {SPACED}"})
    refused = suite.api.get(f"/activities/{activity['id']}/original")
    assert refused.status_code == 404, "what could not be masked in it is not kept"

    dump = _everything(suite.database_url)
    assert b"please take it" in dump
    for shape in (CARD, SPACED):
        assert shape.encode() not in dump
        assert shape.encode().hex().encode() not in dump
        assert base64.b64encode(shape.encode()).rstrip(b"=")[:-1] not in dump
