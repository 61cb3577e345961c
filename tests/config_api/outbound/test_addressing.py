"""Who gets a message: Send mail to, Automatic BCC, and nobody twice."""

from dataclasses import replace

import pytest

from config_api.outbound.addressing import Recipient, address, distinct, pending


def _named() -> list[Recipient]:
    return distinct((("to", ["anna@c.test"]), ("cc", ["ben@c.test"]), ("bcc", ["cleo@c.test"])))


def _sent_to(recipients: list[Recipient]) -> list[tuple[str, str]]:
    return [(one.address, one.kind) for one in pending(recipients)]


def test_one_address_gets_one_copy_whatever_the_case_of_its_domain() -> None:
    found = distinct((("to", ["a@C.test", "a@c.TEST"]), ("cc", ["a@c.test", "A@c.test"]), ("bcc", [])))
    assert _sent_to(found) == [("a@C.test", "to"), ("A@c.test", "cc")]
    assert [one.position for one in found] == [0, 1]


def test_without_either_everybody_named_is_sent_to() -> None:
    assert address(_named(), send_mail_to=None, automatic_bcc=None) == _named()


@pytest.mark.rule(57)
def test_automatic_bcc_gets_a_copy() -> None:
    found = address(_named(), send_mail_to=None, automatic_bcc="copy@shop.test")
    assert _sent_to(found)[-1] == ("copy@shop.test", "automatic_bcc")
    assert len(pending(found)) == 4
    assert address(found, send_mail_to=None, automatic_bcc="copy@shop.test") == found


@pytest.mark.rule(57)
def test_automatic_bcc_to_somebody_named_is_no_second_copy() -> None:
    assert address(_named(), send_mail_to=None, automatic_bcc="anna@C.TEST") == _named()


@pytest.mark.rule(58, 59, 60, 62)
def test_send_mail_to_is_sent_to_and_nobody_else() -> None:
    found = address(_named(), send_mail_to="check@shop.test", automatic_bcc="copy@shop.test")
    assert _sent_to(found) == [("check@shop.test", "send_mail_to")]


@pytest.mark.rule(62)
def test_send_mail_to_silences_a_bcc_that_still_waits() -> None:
    copied = address(_named(), send_mail_to=None, automatic_bcc="copy@shop.test")
    found = address(copied, send_mail_to="check@shop.test", automatic_bcc="copy@shop.test")
    assert _sent_to(found) == [("check@shop.test", "send_mail_to")]


@pytest.mark.rule(61)
def test_clearing_send_mail_to_restores_everybody_who_still_waits() -> None:
    silenced = address(_named(), send_mail_to="check@shop.test", automatic_bcc=None)
    found = address(silenced, send_mail_to=None, automatic_bcc="copy@shop.test")
    assert _sent_to(found) == [*_sent_to(_named()), ("copy@shop.test", "automatic_bcc")]


@pytest.mark.rule(58, 61)
def test_another_send_mail_to_takes_the_place_of_the_one_before() -> None:
    first = address(_named(), send_mail_to="one@shop.test", automatic_bcc=None)
    second = address(first, send_mail_to="two@shop.test", automatic_bcc=None)
    assert _sent_to(second) == [("two@shop.test", "send_mail_to")]
    assert _sent_to(address(second, send_mail_to="one@shop.test", automatic_bcc=None)) == [
        ("one@shop.test", "send_mail_to")
    ]


def test_who_was_sent_to_is_not_sent_to_again() -> None:
    copied = address(_named(), send_mail_to=None, automatic_bcc="copy@shop.test")
    sent = [replace(one, status="sent") if one.kind in ("to", "automatic_bcc") else one for one in copied]
    found = address(sent, send_mail_to=None, automatic_bcc="other@shop.test")
    assert _sent_to(found) == [("ben@c.test", "cc"), ("cleo@c.test", "bcc")]
