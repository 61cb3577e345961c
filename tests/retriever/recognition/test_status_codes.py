import pytest

from retriever.recognition.status_codes import Codes, enhanced_in, replies_in, worst


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("host mx.x.test said: 550 5.1.1 no such user", Codes("5.1.1", 550)),
        ("552 sorry, mailbox is over quota (#5.2.2)", Codes("5.2.2", 552)),
        ("Remote host said: 421 try again", Codes(None, 421)),
        ("<<< 550 no", Codes(None, 550)),
        ("host mx.x.test [192.0.2.1]: 554 refused", Codes(None, 554)),
        ("550-no\n550 never", Codes(None, 550)),
        ("550-5.1.1 The account\n550 5.1.1 is gone", Codes("5.1.1", 550)),
        ("452 4.2.2 full\n550 5.1.1 gone", Codes("5.1.1", 550)),
        ("#< #5.7.133 smtp;550 5.7.133 RESOLVER.RST>", Codes("5.7.133", 550)),
        ("ERROR_CODE :550, ERROR_CODE :5.1.1", Codes("5.1.1", 550)),
        ("250 2.0.0 Ok", Codes(None, None)),
    ],
)
def test_codes_are_found_where_a_reply_stands_and_a_permanent_one_decides(text: str, codes: Codes) -> None:
    assert worst(text) == codes


@pytest.mark.parametrize(
    "text",
    [
        "connect to 192.5.1.1 failed",
        "[5.1.1.4]",
        "Microsoft SMTP Server 5.0.2195",
        "Exim 4.99.1",
        "version 5.1.1",
        "report-5.1.1.txt",
        "on port 587 since 2024",
        "It holds 550 mails and 421 folders",
        "450MB of 500MB",
        "Mon, 29 Apr 2013 23:34:45 +0500",
    ],
)
def test_numbers_that_only_look_like_codes_are_none(text: str) -> None:
    assert enhanced_in(text) == []
    assert replies_in(text) == []


def test_an_enhanced_code_says_more_than_the_reply_code_before_it() -> None:
    assert Codes("4.4.7", 550).failure == "temporary"
    assert Codes(None, 550).failure == "permanent"
    assert Codes(None, None).failure is None
