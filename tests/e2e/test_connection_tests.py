"""Connection tests by the workers that serve an alias, on real servers."""

from typing import Any

import pytest

from tests.e2e.builders import a_mailbox, an_address, an_alias, imap, pop3, smtp
from tests.e2e.suite import Json, Suite
from tests.rig.dovecot import Dovecot
from tests.rig.ports import free_port
from tests.rig.postfix import Postfix

OK = "Connection established successfully"


@pytest.fixture
def working(suite: Suite) -> Suite:
    suite.worker("retriever", "retriever-1").start()
    suite.worker("dispatcher", "dispatcher-1").start()
    return suite


def _tested(suite: Suite, alias: Json, **sides: bool) -> Json:
    return suite.post(f"/aliases/{alias['id']}/test-connection", sides or None, expect=200)


def _outcomes(test: Json, side: str) -> dict[str, str]:
    return {one["step"]: one["outcome"] for one in test["steps"] if one["side"] == side}


def _failed(test: Json) -> dict[str, Any]:
    (failed,) = [one for one in test["steps"] if one["outcome"] == "failed"]
    return failed


@pytest.mark.rule(195)
@pytest.mark.parametrize("protocol", [imap, pop3])
def test_an_alias_that_works_is_said_to_work_and_stays_as_it_is(
    working: Suite, dovecot: Dovecot, postfix: Postfix, protocol: type
) -> None:
    support = a_mailbox(dovecot)
    alias = an_alias(working, working.department(), support, protocol(dovecot, support), smtp(postfix.smtp))
    test = _tested(working, alias)
    assert (test["ok"], test["message"]) == (True, OK), test
    incoming, outgoing = _outcomes(test, "incoming"), _outcomes(test, "outgoing")
    assert incoming["auth"] == incoming["select"] == outgoing["mail_from"] == "ok"
    # Neither side was told to use SSL: that is said, and stops nobody.
    assert incoming["tls"] == outgoing["tls"] == "warning"
    assert working.get(f"/aliases/{alias['id']}/status-transitions")["items"] == []


@pytest.mark.rule(196)
def test_what_fails_is_named_with_the_servers_words_and_a_hint(
    working: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    department = working.department()
    for changes, step in (
        ({"password": "wrong"}, "auth"),
        ({"folder": "No such folder"}, "select"),
        ({"server_name": "no-such-host.invalid"}, "dns"),
        ({"port": free_port()}, "tcp"),
    ):
        support = a_mailbox(dovecot)
        access = imap(dovecot, support, **changes)
        alias = an_alias(working, department, support, access, smtp(postfix.smtp), status="inactive")
        _is_told(_tested(working, alias, outgoing=False), step)


def _is_told(test: Json, step: str) -> None:
    failed = _failed(test)
    assert (test["ok"], failed["step"], failed["side"]) == (False, step, "incoming")
    assert failed["detail"]
    assert failed["detail"] in test["message"]
    assert failed["hint"]
    assert "wrong" not in failed["detail"]
    steps = [one["outcome"] for one in test["steps"]]
    place = steps.index("failed")
    assert set(steps[:place]) <= {"ok", "warning"}
    assert set(steps[place + 1 :]) <= {"skipped"}


def test_with_ssl_the_certificate_is_said_to_be_verified(working: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    support = a_mailbox(dovecot)
    access = imap(dovecot, support, use_ssl=True)
    alias = an_alias(working, working.department(), support, access, smtp(postfix.smtp))
    test = _tested(working, alias, outgoing=False)
    assert test["ok"]
    assert [one["detail"] for one in test["steps"] if one["step"] == "tls"] == ["TLSv1.3, certificate verified"]


def test_an_outgoing_port_where_nothing_listens_is_named(working: Suite, dovecot: Dovecot) -> None:
    support = a_mailbox(dovecot)
    alias = an_alias(working, working.department(), support, imap(dovecot, support), smtp(free_port()))
    test = _tested(working, alias)
    assert _outcomes(test, "outgoing")["tcp"] == "failed"
    assert "The outgoing server cannot be reached" in test["message"]


def test_a_login_that_the_outgoing_server_refuses_is_named(
    working: Suite, dovecot: Dovecot, postfix: Postfix
) -> None:
    support = a_mailbox(dovecot)
    outgoing = smtp(postfix.smtp, server_type="ESMTP", user_name=support, password="not it")
    alias = an_alias(working, working.department(), support, imap(dovecot, support), outgoing)
    test = _tested(working, alias, incoming=False)
    failed = _failed(test)
    assert (failed["step"], failed["side"]) == ("auth", "outgoing")
    assert failed["detail"].startswith("535")


def test_a_target_folder_that_is_not_there_is_named(working: Suite, dovecot: Dovecot, postfix: Postfix) -> None:
    support = a_mailbox(dovecot)
    alias = an_alias(
        working, working.department(), support, imap(dovecot, support), smtp(postfix.smtp),
        status="inactive", after_retrieval="move", move_to="Nowhere",
    )  # fmt: skip
    assert _failed(_tested(working, alias, outgoing=False))["step"] == "move_to"


@pytest.mark.rule(38)
def test_without_a_worker_it_is_said_at_once_who_is_missing(suite: Suite, dovecot: Dovecot) -> None:
    support = an_address()
    alias = an_alias(suite, suite.department(), support, imap(dovecot, support), smtp(2525))
    refused = suite.api.post(f"/aliases/{alias['id']}/test-connection")
    assert (refused.status_code, refused.json()["code"]) == (503, "no_live_replica")
    assert "instance 'default'" in refused.json()["detail"]
