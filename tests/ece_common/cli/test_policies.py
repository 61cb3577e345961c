"""Patterns, phrases and workflows are tried before they are trusted; patterns travel as XML."""

from pathlib import Path

import pytest

from tests.ece_common.cli.asked import Asked

MAIL = b"""\
From: =?utf-8?q?J=C3=BCrgen?= <juergen@customer.test>
To: Support <support@shop.test>, sales@shop.test
Subject: =?utf-8?q?R=C3=BCckgabe?=
Auto-Submitted: no
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe
--c
Content-Type: text/html

<p>Hi</p>
--c--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename="invoice.pdf"

x
--b--
"""


@pytest.fixture
def asked() -> Asked:
    return Asked(items=[{"id": 1, "active": True}, {"id": 2, "active": False}], text="")


@pytest.mark.parametrize(
    ("patterns", "body"),
    [
        (("--pattern", "3", "--pattern", "1"), {"pattern_ids": [3, 1]}),
        ((), {"pattern_ids": [1]}),
        (
            ("--new", "java_regular_expression=[0-9]{16}", "--new", "unmask_from_right=4"),
            {
                "pattern_ids": [],
                "pattern": {
                    "name": "not stored", "java_regular_expression": "[0-9]{16}", "unmask_from_right": 4,
                },
            },
        ),
    ],
)  # fmt: skip
def test_patterns_are_tried_stored_or_not(asked: Asked, patterns: tuple[str, ...], body: dict[str, object]) -> None:
    done = asked("masking-patterns", "try", *patterns, "--subject", "S", typed="card 4111111111111111\n")

    assert done.exit_code == 0, done.output
    wanted = body | {"text": "card 4111111111111111\n", "subject": "S"}
    assert asked.requests[-1] == ("POST", "masking-patterns/evaluate", wanted)


def test_patterns_are_exported_to_a_file_or_a_pipe_and_imported(asked: Asked, tmp_path: Path) -> None:
    asked.by_path["masking-patterns/export"] = b"<patterns/>"
    file = tmp_path / "patterns.xml"

    assert asked("masking-patterns", "export").stdout == "<patterns/>"
    assert asked("masking-patterns", "export", str(file)).exit_code == 0
    assert asked("masking-patterns", "export", str(file)).exit_code == 2, "nothing is overwritten"
    asked.answers |= {"created": [], "overwritten": ["Cards"]}
    assert asked("masking-patterns", "import", str(file)).stdout == "Created: none.\nOverwritten: Cards.\n"

    assert asked.requests[-1] == ("POST", "masking-patterns/import", b"<patterns/>")
    assert asked.headers[-1]["content-type"] == "application/xml"


def test_phrases_are_tried_with_options_or_with_fields(asked: Asked) -> None:
    asked("delivery-exceptions", "try", "1", "--from", "robot@x.test", "--subject", "Hi")
    asked("delivery-exceptions", "try", "1", "from=robot@x.test", "subject=Hi")

    assert asked.requests[0] == asked.requests[1]
    assert asked.requests[0][2] == {"from": "robot@x.test", "subject": "Hi"}


def test_a_workflow_is_tried_on_a_mail_in_a_file(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "mail.eml").write_bytes(MAIL)

    done = asked("workflows", "try", "4", "--mail", str(tmp_path / "mail.eml"), "--subtype", "complaint")

    assert done.exit_code == 0, done.output
    ((_, path, body),) = asked.requests
    mail = body["mail"]
    assert path == "workflows/4/evaluate"
    assert (mail["from"], mail["from_name"]) == ("juergen@customer.test", "J\u00fcrgen")
    assert mail["to"] == ["support@shop.test", "sales@shop.test"]
    assert (mail["subject"], mail["text"].strip()) == ("R\u00fcckgabe", "Gr\u00fc\u00dfe")
    assert mail["html"].strip() == "<p>Hi</p>"
    assert mail["attachments"] == ["invoice.pdf"]
    assert (mail["alias"], mail["subtype"], mail["size"]) == ("support@shop.test", "complaint", len(MAIL))
    assert {"name": "Auto-Submitted", "value": "no"} in mail["headers"]


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\nContent-Type: text/plain; charset=klingon\n\nx\xff",
        b"From: <<>>,@\nTo: undisclosed:;\nSubject: a\x00b\n\n",
        b"Content-Type: multipart/mixed\n\n--",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!",
    ],
)
def test_a_broken_mail_is_tried_with_what_can_be_read_of_it(asked: Asked, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mail.eml").write_bytes(content)

    assert asked("workflows", "try", "4", "--mail", str(tmp_path / "mail.eml")).exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("17", "--mail", "x.eml"), ("--mail", "no-mail")])
def test_a_workflow_is_tried_on_one_thing(asked: Asked, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "no-mail").write_bytes(b"\x7fELF")
    given = [str(tmp_path / one) if one == "no-mail" else one for one in arguments]

    assert (asked("workflows", "try", "4", *given).exit_code, asked.requests) == (2, [])


def test_a_departments_own_phrases_are_listed_without_the_predefined_ones(asked: Asked) -> None:
    asked("delivery-exceptions", "list", "3", "system_provided=false")

    assert asked.queries[0]["system_provided"] == "false"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (("queues", "list", "1"), b"<html>"),
        (("queues", "list", "1"), b"[]"),
        (("queues", "list", "1"), b"{}"),
        (("masking-patterns", "import", __file__), b"<html>"),
    ],
)
def test_another_program_at_the_address_is_told_and_no_traceback(
    asked: Asked, command: tuple[str, ...], answer: bytes
) -> None:
    asked.by_path = dict.fromkeys(("departments/1/queues", "masking-patterns/import"), answer)

    done = asked(*command)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "check the address" in done.stderr
