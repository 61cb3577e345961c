"""When an alias stops and starts again, on real servers (R119 to R136); the retry time is set short."""

import poplib
from collections.abc import Iterator

import pytest

from tests.e2e.builders import a_mailbox, an_alias, imap, pop3, smtp
from tests.e2e.suite import Json, Suite
from tests.rig.dovecot import Dovecot, DovecotOptions
from tests.rig.mails import a_mail
from tests.rig.ports import free_port
from tests.rig.postfix import Postfix
from tests.rig.proxy import FaultProxy


@pytest.fixture
def own_dovecot() -> Iterator[Dovecot]:
    """A server that a test may stop."""
    with Dovecot(DovecotOptions()) as server:
        yield server


@pytest.fixture
def hurried(suite: Suite) -> Suite:
    suite.patch("/settings", {"poll_interval_seconds": 1, "retry_after_seconds": 2})
    suite.worker("retriever", "retriever-1").start()
    return suite


def _alias(suite: Suite, alias: Json) -> Json:
    return suite.get(f"/aliases/{alias['id']}")


def _transitions(suite: Suite, alias: Json) -> list[Json]:
    items: list[Json] = suite.get(f"/aliases/{alias['id']}/status-transitions")["items"]
    return items


def _wait_for_status(suite: Suite, alias: Json, status: str) -> Json:
    suite.wait_for(lambda: _alias(suite, alias)["status"] == status, f"the alias to become {status}")
    return _alias(suite, alias)


@pytest.mark.rule(119, 120, 121, 122, 129, 131, 132)
@pytest.mark.parametrize("protocol", [imap, pop3])
def test_a_wrong_password_stops_the_alias_until_an_administrator_acts(
    hurried: Suite, dovecot: Dovecot, postfix: Postfix, protocol: type
) -> None:
    support = a_mailbox(dovecot)
    access = protocol(dovecot, support, password="wrong")
    alias = an_alias(hurried, hurried.department(), support, access, smtp(postfix.smtp))
    stopped = _wait_for_status(hurried, alias, "inactive")
    assert stopped["status_reason"] == "authentication_failed"
    assert stopped["status_changed_by"] == "system"
    assert stopped["retry_at"] is None
    (transition,) = _transitions(hurried, alias)
    assert (transition["from"], transition["to"], transition["attempts"]) == ("active", "inactive", 3)
    assert "Authentication failed" in transition["detail"]
    assert "wrong" not in transition["detail"]

    hurried.patch(f"/aliases/{alias['id']}", {"status": "active", "incoming": {"password": "secret"}})
    dovecot.deliver(support, a_mail(to=support))
    hurried.wait_for(lambda: hurried.activities(alias_id=alias["id"]) != [], "retrieval to go on")
    assert _alias(hurried, alias)["status"] == "active"


@pytest.mark.rule(130)
@pytest.mark.parametrize("protocol", [imap, pop3])
def test_a_refused_port_is_for_the_administrator(
    hurried: Suite, dovecot: Dovecot, postfix: Postfix, protocol: type
) -> None:
    support = a_mailbox(dovecot)
    access = protocol(dovecot, support, port=free_port())
    alias = an_alias(hurried, hurried.department(), support, access, smtp(postfix.smtp))
    stopped = _wait_for_status(hurried, alias, "inactive")
    assert stopped["status_reason"] == "service_not_started"
    assert stopped["retry_at"] is None


@pytest.mark.rule(124, 125, 126, 127, 133, 135)
def test_a_server_that_comes_back_is_retrieved_again(hurried: Suite, own_dovecot: Dovecot, postfix: Postfix) -> None:
    support = a_mailbox(own_dovecot)
    with FaultProxy(own_dovecot.ports.imap) as proxy:
        access = imap(own_dovecot, support, port=proxy.port)
        alias = an_alias(hurried, hurried.department(), support, access, smtp(postfix.smtp))
        own_dovecot.deliver(support, a_mail(number=1, to=support))
        hurried.wait_for(lambda: len(hurried.activities(alias_id=alias["id"])) == 1, "the first mail")

        # Connections are reset before the greeting: the network, or a server that is just being stopped.
        proxy.cut_after(1, once=False)
        proxy.reset()
        stopped = _wait_for_status(hurried, alias, "inactive")
        assert stopped["status_changed_by"] == "system"
        assert stopped["retry_at"] is not None
        own_dovecot.deliver(support, a_mail(number=2, to=support))

        proxy.mend()
        _wait_for_status(hurried, alias, "active")
        hurried.wait_for(lambda: len(hurried.activities(alias_id=alias["id"])) == 2, "the mail of the outage")
    told = [(one["from"], one["to"], one["changed_by"]) for one in _transitions(hurried, alias)]
    assert sorted(told) == [("active", "inactive", "system"), ("inactive", "active", "system")]


@pytest.mark.rule(128)
def test_a_mailbox_locked_by_another_client_is_tried_again(
    hurried: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    """Dovecot answers a locked login after some 11 s, so this is the slowest test of all: one attempt is enough."""
    hurried.patch("/settings", {"connection_attempts": 1})
    support = a_mailbox(dovecot)
    other = poplib.POP3("127.0.0.1", dovecot.ports.pop3, timeout=20)
    other.user(support)
    other.pass_("secret")
    alias = an_alias(hurried, hurried.department(), support, pop3(dovecot, support), smtp(postfix.smtp))
    stopped = _wait_for_status(hurried, alias, "inactive")
    assert stopped["status_reason"] == "mailbox_locked"
    assert stopped["retry_at"] is not None
    other.quit()
    _wait_for_status(hurried, alias, "active")


@pytest.mark.rule(123)
def test_one_or_two_failures_leave_the_alias_active(hurried: Suite, own_dovecot: Dovecot, postfix: Postfix) -> None:
    support = a_mailbox(own_dovecot)
    with FaultProxy(own_dovecot.ports.imap) as proxy:
        access = imap(own_dovecot, support, port=proxy.port)
        proxy.cut_after(1, once=False)
        alias = an_alias(hurried, hurried.department(), support, access, smtp(postfix.smtp))
        hurried.wait_for(lambda: _alias(hurried, alias)["failed_attempts"] >= 1, "the first failure")
        proxy.mend()
        hurried.wait_for(lambda: _alias(hurried, alias)["failed_attempts"] == 0, "the count to be reset")
        assert _transitions(hurried, alias) == []


@pytest.mark.rule(134, 135, 136)
def test_an_inactive_alias_is_not_retrieved_but_still_dispatched(
    hurried: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    hurried.worker("dispatcher", "dispatcher-1").start()
    support, customer = a_mailbox(dovecot), a_mailbox(dovecot, "anna")
    alias = an_alias(hurried, hurried.department(), support, imap(dovecot, support), smtp(postfix.smtp))
    dovecot.deliver(support, a_mail(number=1, sender=customer, to=support))
    hurried.wait_for(lambda: hurried.activities(alias_id=alias["id"]) != [], "the first mail")
    hurried.patch(f"/aliases/{alias['id']}", {"status": "inactive"})

    (activity,) = hurried.activities(alias_id=alias["id"])
    hurried.post(f"/activities/{activity['id']}/replies", {"text": "Still answering."})
    hurried.wait_for(lambda: dovecot.messages(customer) != [], "the answer of an inactive alias")
    dovecot.deliver(support, a_mail(number=2, sender=customer, to=support))
    witness = a_mailbox(dovecot, "witness")
    second = an_alias(hurried, hurried.department("Other"), witness, imap(dovecot, witness), smtp(postfix.smtp))
    dovecot.deliver(witness, a_mail(number=3, to=witness))
    hurried.wait_for(lambda: hurried.activities(alias_id=second["id"]) != [], "another alias's mail")
    assert len(dovecot.messages(support)) == 1
