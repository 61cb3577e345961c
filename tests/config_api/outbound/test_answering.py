"""How an answer follows from what it answers, with no database."""

from typing import Any

import pytest
from cryptography.fernet import Fernet

from config_api.activities.tables import ActivityRow
from config_api.outbound import answering, claim_ids, return_tag
from config_api.sealing import Vault


def _parent(**fields: Any) -> ActivityRow:
    values: dict[str, Any] = {
        "direction": "inbound",
        "subtype": "email",
        "from_": "anna@c.test",
        "message_id": "<q@c.test>",
    }
    return ActivityRow(**{**values, **fields})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Order", "Re: Order"),
        ("Re: Order", "Re: Order"),
        ("RE : Order", "RE : Order"),
        ("AW: Order", "AW: Order"),
        ("re[2]: Order", "re[2]: Order"),
        ("Request", "Re: Request"),
        ("", "Re:"),
        ("a\r\nBcc: x@y.test", "Re: a Bcc: x@y.test"),
    ],
)
def test_a_subject_gets_re_once_and_stays_on_one_line(before: str, after: str) -> None:
    assert answering.subject(before) == after


def test_reply_to_is_answered_before_from_and_what_is_no_address_is_not() -> None:
    assert answering.recipients(_parent()) == ["anna@c.test"]
    assert answering.recipients(_parent(reply_to=["desk@c.test", "desk@C.test", "nobody", "a\r\nb@c.test"])) == [
        "desk@c.test"
    ]
    assert answering.recipients(_parent(reply_to=["nobody"])) == []
    assert answering.recipients(_parent(from_=None)) == []
    assert answering.recipients(_parent(direction="outbound", to=["anna@c.test"], from_="us@s.test")) == [
        "anna@c.test"
    ]


def test_the_thread_is_kept_from_its_first_message_to_its_newest() -> None:
    long = [f"<{n}@c.test>" for n in range(50)]
    found = answering.references(_parent(references=long))
    assert len(found) == answering.REFERENCES_KEPT
    assert (found[0], found[-2:]) == ("<0@c.test>", ["<49@c.test>", "<q@c.test>"])
    hostile = ["<a b@c>", "<x\r\nBcc: y@z>", "<\u00fc@c.test>", "plain@c.test", "<" + "x" * 600 + ">"]
    assert answering.references(_parent(references=hostile)) == ["<plain@c.test>", "<q@c.test>"]


def test_a_message_id_is_new_and_of_the_senders_domain() -> None:
    first, second = (answering.new_message_id("support@shop.test") for _ in range(2))
    assert first != second
    assert first.endswith("@shop.test>")
    assert answering.new_message_id("a@b\u00fccher.test").endswith("@xn--bcher-kva.test>")


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({}, False),
        ({"auto_submitted": "no"}, False),
        ({"auto_submitted": "auto-replied"}, True),
        ({"subtype": "auto_reply"}, True),
        ({"subtype": "email_permanent_undeliverable"}, True),
        ({"subtype": "unparsed"}, True),
        ({"from_": None}, True),
        ({"direction": "outbound", "to": ["a@c.test"]}, True),
    ],
)
def test_machines_are_not_answered_by_a_machine(fields: dict[str, Any], refused: bool) -> None:  # noqa: FBT001
    assert (answering.refused_to_machines(_parent(**fields)) is not None) == refused


def test_a_return_tag_is_read_by_who_made_it_only() -> None:
    ours, other = (Vault([Fernet.generate_key().decode()]) for _ in range(2))
    tag = return_tag.make(ours, 42)
    assert return_tag.read(ours, tag) == 42
    assert return_tag.read(other, tag) is None
    for forged in ("", "42", "43" + tag[2:], "x-y", "-1-2", "\u0664-2", f"{2**63}-0", "9" * 30 + "-0"):
        assert return_tag.read(ours, forged) is None


def test_a_claim_id_proves_which_activity_it_is_for() -> None:
    vault = Vault([Fernet.generate_key().decode()])
    mine = claim_ids.make(vault, 7)
    assert claim_ids.genuine(vault, 7, mine)
    assert not claim_ids.genuine(vault, 8, mine)
    assert not claim_ids.genuine(vault, 7, "11111111-1111-1111-1111-111111111111")
    assert not claim_ids.genuine(vault, 7, "no uuid")
