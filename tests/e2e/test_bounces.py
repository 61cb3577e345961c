"""A real bounce of a real server: it finds its way to the delivery it is about."""

import pytest

from tests.e2e.builders import a_mailbox, an_address, an_alias, imap, smtp
from tests.e2e.suite import Suite
from tests.rig.dovecot import Dovecot
from tests.rig.postfix import Postfix


@pytest.mark.rule(16, 17, 238, 242, 243, 245)
def test_an_answer_that_bounces_shows_in_its_delivery_and_the_report_waits_in_the_exception_queue(
    suite: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    suite.patch("/settings", {"poll_interval_seconds": 1})
    support, customer, nobody = a_mailbox(dovecot), a_mailbox(dovecot, "anna"), an_address("nobody")
    department = suite.department()
    alias = an_alias(suite, department, support, imap(dovecot, support), smtp(postfix.smtp))
    suite.worker("retriever", "retriever-1").start()
    suite.worker("dispatcher", "dispatcher-1").start()

    message = {"to": [customer, nobody], "subject": "Your order", "text": "It is coming.", "from_address": support}
    sent = suite.post(f"/departments/{department}/activities", message)
    suite.wait_for(
        lambda: suite.activities(alias_id=alias["id"], direction="inbound") != [], "the bounce of the server"
    )
    (found,) = suite.activities(alias_id=alias["id"], direction="inbound")
    report = suite.get(f"/activities/{found['id']}")
    assert report["subtype"] == "email_permanent_undeliverable"
    assert report["parent_id"] == sent["id"]
    assert report["evidence"]["source"] == "delivery_status"
    assert [one["address"] for one in report["evidence"]["recipients"]] == [nobody]
    queues = {queue["id"]: queue for queue in suite.get(f"/departments/{department}/queues")["items"]}
    assert queues[report["queue_id"]]["is_exception"]

    recipients = suite.get(f"/activities/{sent['id']}/delivery")["recipients"]
    assert {one["address"]: one["bounced_by"] for one in recipients} == {customer: None, nobody: report["id"]}
    bounced = [event for event in suite.get("/events?limit=500")["items"] if event["type"] == "delivery.bounced"]
    assert [event["data"]["activity_id"] for event in bounced] == [sent["id"]]
