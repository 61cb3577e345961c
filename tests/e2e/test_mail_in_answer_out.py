"""The main job over real servers: a mail comes in by an alias, is answered, and the answer goes out."""

import smtplib
from email.message import EmailMessage, Message
from email.parser import BytesParser
from email.policy import default

import pytest

from tests.e2e.builders import a_mailbox, an_alias, imap, pop3, smtp
from tests.e2e.suite import Json, Suite
from tests.rig.dovecot import Dovecot
from tests.rig.mails import a_mail, message_id
from tests.rig.postfix import Postfix


def _parsed(raw: bytes) -> EmailMessage:
    mail: Message = BytesParser(policy=default).parsebytes(raw)
    assert isinstance(mail, EmailMessage)
    return mail


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _send(postfix: Postfix, sender: str, recipient: str, content: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.smtp, timeout=10) as server:
        server.sendmail(sender, [recipient], content)


def _work(suite: Suite) -> None:
    suite.worker("retriever", "retriever-1").start()
    suite.worker("dispatcher", "dispatcher-1").start()


def _the_activity(suite: Suite, alias: Json) -> Json:
    suite.wait_for(lambda: suite.activities(alias_id=alias["id"]) != [], "an activity")
    (found,) = suite.activities(alias_id=alias["id"])
    return suite.get(f"/activities/{found['id']}")


@pytest.mark.rule(12, 13, 21, 22, 23, 24, 39, 40, 46, 49, 53, 107)
@pytest.mark.parametrize("protocol", ["IMAP", "IMAP with TLS", "POP3", "POP3 with TLS"])
def test_a_mail_comes_in_is_answered_and_the_answer_arrives(
    suite: Suite, dovecot: Dovecot, postfix: Postfix, protocol: str
) -> None:
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    access = (imap if protocol.startswith("IMAP") else pop3)(dovecot, support, use_ssl="TLS" in protocol)
    alias = an_alias(suite, suite.department(), support, access, smtp(postfix.smtp, use_ssl="TLS" in protocol))
    _work(suite)

    _send(postfix, customer, support, a_mail("alternative", sender=f"Anna Berg <{customer}>", to=support))
    activity = _the_activity(suite, alias)
    assert activity["from"] == customer
    assert activity["from_name"] == "Anna Berg"
    assert activity["to"] == [support]
    assert activity["subtype"] == "email"
    assert "Where is my order?" in activity["text"]
    assert activity["message_id"] == message_id(1)
    suite.wait_for(lambda: dovecot.messages(support) == [], "the mailbox to be emptied")

    reply = suite.post(f"/activities/{activity['id']}/replies", {"text": "On its way.\n"})
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the answer in the customer's mailbox")
    (raw,) = dovecot.messages(customer)
    answer = _parsed(raw)
    assert answer["From"] == support
    assert answer["To"] == customer
    assert answer["In-Reply-To"] == activity["message_id"]
    assert answer["Message-ID"] == reply["message_id"]
    assert answer["Subject"] == "Re: Question 1"
    assert _text(answer).strip() == "On its way."
    suite.wait_for(
        lambda: suite.get(f"/activities/{reply['id']}/delivery")["status"] == "sent", "the delivery to be recorded"
    )
    (recipient,) = suite.get(f"/activities/{reply['id']}/delivery")["recipients"]
    assert (recipient["address"], recipient["status"], recipient["smtp_code"]) == (customer, "sent", 250)


def test_the_customers_next_mail_is_threaded_to_the_answer(suite: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), smtp(postfix.smtp))
    _work(suite)
    _send(postfix, customer, support, a_mail(sender=customer, to=support))
    first = _the_activity(suite, alias)
    reply = suite.post(f"/activities/{first['id']}/replies", {"text": "On its way."})
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the answer")

    _send(
        postfix,
        customer,
        support,
        a_mail("reply", number=2, sender=customer, to=support, in_reply_to=reply["message_id"]),
    )
    suite.wait_for(lambda: len(suite.activities(alias_id=alias["id"], direction="inbound")) == 2, "the next mail")
    second = suite.activities(alias_id=alias["id"], direction="inbound")[1]
    assert second["parent_id"] == reply["id"]


@pytest.mark.rule(70, 71)
def test_a_mail_by_a_redirection_address_is_answered_from_it(
    suite: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    alias = an_alias(
        suite,
        suite.department(),
        support,
        imap(dovecot, support),
        smtp(postfix.smtp),
        redirection_email_addresses="help@shop.test; hello@shop.test",
    )
    _work(suite)
    _send(postfix, customer, support, a_mail(sender=customer, to="hello@shop.test"))
    activity = _the_activity(suite, alias)
    reply = suite.post(f"/activities/{activity['id']}/replies", {"text": "On its way."})
    assert reply["from"] == "hello@shop.test"
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the answer")
    assert _parsed(dovecot.messages(customer)[0])["From"] == "hello@shop.test"


@pytest.mark.rule(57, 58, 59, 60, 61, 62)
def test_send_mail_to_overrides_everybody_and_clearing_it_restores(
    suite: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    override, copy = a_mailbox(dovecot, "override"), a_mailbox(dovecot, "copy")
    alias = an_alias(
        suite,
        suite.department(),
        support,
        imap(dovecot, support),
        smtp(postfix.smtp),
        send_mail_to=override,
        automatic_bcc=copy,
    )
    _work(suite)
    _send(postfix, customer, support, a_mail(sender=customer, to=support))
    activity = _the_activity(suite, alias)
    suite.post(f"/activities/{activity['id']}/replies", {"text": "Only for the override."})
    suite.wait_for(lambda: dovecot.messages(override) != [], "the overriding mailbox")
    assert dovecot.messages(customer) == []
    assert dovecot.messages(copy) == []

    suite.patch(f"/aliases/{alias['id']}", {"send_mail_to": None})
    suite.post(f"/activities/{activity['id']}/replies", {"text": "For the customer."})
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the customer's mailbox")
    suite.wait_for(lambda: dovecot.messages(copy) != [], "the copy")
    assert len(dovecot.messages(override)) == 1


@pytest.mark.rule(108, 118)
def test_a_changed_password_takes_effect_without_a_restart(suite: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), smtp(postfix.smtp))
    _work(suite)
    _send(postfix, customer, support, a_mail(number=1, sender=customer, to=support))
    suite.wait_for(lambda: len(suite.activities(alias_id=alias["id"])) == 1, "the first mail")

    dovecot.set_password(support, "another")
    suite.patch(f"/aliases/{alias['id']}", {"incoming": {"password": "another"}})
    _send(postfix, customer, support, a_mail(number=2, sender=customer, to=support))
    suite.wait_for(lambda: len(suite.activities(alias_id=alias["id"])) == 2, "the mail after the change")
    assert suite.get(f"/aliases/{alias['id']}")["status"] == "active"


@pytest.mark.rule(110, 114, 115, 116)
def test_a_deleted_aliass_mail_stays_on_the_server(suite: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    """And what was queued for it before goes out by the default SMTP settings (R114)."""
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    kept = a_mailbox(dovecot, "kept")
    department = suite.department()
    alias = an_alias(suite, department, support, imap(dovecot, support), smtp(postfix.smtp))
    other = an_alias(suite, department, kept, imap(dovecot, kept), smtp(postfix.smtp))
    _work(suite)
    _send(postfix, customer, support, a_mail(number=1, sender=customer, to=support))
    activity = _the_activity(suite, alias)

    (instance,) = [one for one in suite.get("/retriever-instances")["items"] if one["name"] == "default"]
    suite.patch(f"/retriever-instances/{instance['id']}", {"alias_ids": [other["id"]]})
    assert suite.api.delete(f"/aliases/{alias['id']}").status_code == 204
    _send(postfix, customer, support, a_mail(number=2, sender=customer, to=support))
    # A mail for an alias that is still there comes in after it: the deleted one's has had its chance.
    _send(postfix, customer, kept, a_mail(number=3, sender=customer, to=kept))
    suite.wait_for(lambda: suite.activities(alias_id=other["id"]) != [], "the other alias's mail")
    assert len(dovecot.messages(support)) == 1

    unsent = suite.post(f"/activities/{activity['id']}/replies", {"text": "No way out."})
    suite.wait_for(lambda: suite.get(f"/activities/{unsent['id']}/delivery")["status"] == "failed", "the failure")
    assert "default SMTP" in suite.get(f"/activities/{unsent['id']}/delivery")["last_error"]

    suite.patch("/settings", {"default_smtp_server": "127.0.0.1", "default_smtp_port": postfix.smtp})
    suite.post(f"/activities/{activity['id']}/replies", {"text": "By the default server."})
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the answer of the deleted alias")


@pytest.mark.rule(38)
def test_mail_of_an_unserved_instance_goes_out_as_soon_as_somebody_serves_it(
    suite: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    department = suite.department()
    alias = an_alias(suite, department, support, imap(dovecot, support), smtp(postfix.smtp), default_alias=True)
    parked = suite.post("/dispatcher-instances", {"name": "parked", "alias_ids": [alias["id"]]})
    suite.worker("dispatcher", "dispatcher-1").start()
    body = {"to": [customer], "subject": "News", "text": "At last."}
    activity = suite.post(f"/departments/{department}/activities", body)
    suite.patch(f"/dispatcher-instances/{parked['id']}", {"alias_ids": []})
    # Sooner than a long poll of twenty seconds would have ended by itself.
    suite.wait_for(lambda: dovecot.messages(customer) != [], "the mail", seconds=10)
    suite.wait_for(lambda: suite.get(f"/activities/{activity['id']}/delivery")["status"] == "sent", "the record")
