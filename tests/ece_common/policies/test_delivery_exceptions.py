import unicodedata
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.contracts.evidence import MatchedPhrase
from ece_common.contracts.policies import DeliveryExceptionPhrase
from ece_common.policies import predefined
from ece_common.policies.delivery_exceptions import Looked, Matcher, local_part
from ece_common.policies.folding import fold

PREDEFINED = [
    DeliveryExceptionPhrase(id=number, type=one.type, phrase=one.phrase, failure=one.failure)
    for number, one in enumerate(predefined.delivery_exceptions(), 1)
]


def a_phrase(phrase: str, **fields: Any) -> DeliveryExceptionPhrase:
    return DeliveryExceptionPhrase.model_validate(
        {"id": 1, "type": "subject", "phrase": phrase, "failure": "permanent", **fields}
    )


def found(mail: Looked, *phrases: DeliveryExceptionPhrase) -> MatchedPhrase | None:
    return Matcher(phrases).match(mail)


def in_subject(subject: str, *phrases: DeliveryExceptionPhrase) -> MatchedPhrase | None:
    return found(Looked("anna@customer.test", subject, subject), *phrases)


def from_(address: str | None, *phrases: DeliveryExceptionPhrase) -> MatchedPhrase | None:
    return found(Looked(address, "", ""), *phrases)


@pytest.mark.rule(18, 265, 266, 267)
def test_the_predefined_exceptions_are_those_of_the_guides_tables() -> None:
    counted = Counter((one.type, one.failure) for one in predefined.delivery_exceptions())
    assert counted == {
        ("address", "temporary"): 12,
        ("address", "permanent"): 4,
        ("subject", "permanent"): 74,
        ("subject", "temporary"): 37,
    }
    permanent = {one.phrase for one in PREDEFINED if one.type == "address" and one.failure == "permanent"}
    assert permanent == {"Auto-reply", "auto-sender", "Autoresponder", "supervisor"}
    assert predefined.delivery_exceptions()[-1] == ("subject", "ZAZ Reply", "temporary")


@pytest.mark.rule(16, 17, 238, 242)
@pytest.mark.parametrize("phrase", PREDEFINED, ids=lambda phrase: phrase.phrase)
def test_every_predefined_phrase_makes_a_mail_a_bounce_back_of_its_failure(phrase: DeliveryExceptionPhrase) -> None:
    matched = from_(f"{phrase.phrase}@x.test", phrase) or in_subject(f"Re: {phrase.phrase}!", phrase)
    assert matched is not None
    assert (matched.id, matched.failure) == (phrase.id, phrase.failure)
    assert in_subject("Where is my order?", *PREDEFINED) is None


@pytest.mark.rule(239)
def test_a_customers_mail_with_a_phrase_counts_as_bounced_back() -> None:
    matched = in_subject("The heating system is broken", *PREDEFINED)
    assert matched is not None
    assert matched.phrase == "system"


@pytest.mark.rule(248, 249, 250, 251, 252)
@pytest.mark.parametrize(
    ("address", "matches"),
    [
        ("postmaster@abc.com", True),
        ("mail-postmaster.xyz@abc.com", True),
        ("exception@postmaster.com", False),
        ('"a@postmaster"@abc.com', True),
        ("POSTMASTER", True),
        ("", False),
        (None, False),
    ],
)
def test_an_address_phrase_is_looked_for_before_the_last_at_sign_only(address: str | None, matches: bool) -> None:  # noqa: FBT001
    matched = from_(address, a_phrase("postmaster", type="address"))
    assert (matched is not None) == matches


@pytest.mark.rule(248, 256)
def test_a_phrase_is_looked_for_in_the_place_of_its_type_alone() -> None:
    mail = Looked("postmaster@abc.com", "About your failure", "About your failure")
    assert found(mail, a_phrase("postmaster"), a_phrase("failure", type="address")) is None


@pytest.mark.rule(257)
@pytest.mark.parametrize(
    ("phrase", "subject"),
    [
        ("out of office", "OUT OF OFFICE until Monday"),
        ("Out of office", "Out \t of\u00a0 office"),
        ("Réponse automatique", "Reponse automatique: merci"),
        ("Réponse automatique", unicodedata.normalize("NFD", "RÉPONSE AUTOMATIQUE")),
        ("Automaticka odpoved", "Automatická odpověď"),
        ("Adressanderung", "Adressänderung"),
        ("strasse", "Hauptstraße 5"),
        ("iade", "İade"),
        ("NDN:", "NDN: not there"),
        ("-MaiSer-", "x-maiser-y"),
        ("부재중", unicodedata.normalize("NFD", "[자동] 부재중입니다")),
        ("ガス", unicodedata.normalize("NFD", "東京ガスより")),
    ],
)
def test_case_accents_composition_and_the_width_of_blanks_do_not_count(phrase: str, subject: str) -> None:
    assert in_subject(subject, a_phrase(phrase)) is not None


@pytest.mark.rule(257)
@pytest.mark.parametrize(
    ("phrase", "subject"),
    [
        ("Delivery-Report", "Delivery Report"),
        ("NDN:", "NDN"),
        ("auto reply", "autoreply"),
        ("휴가", "휴각"),
        ("ガス", "カス"),
        (" ", "a b"),
        ("", "a"),
    ],
)
def test_separators_count_and_a_phrase_of_nothing_matches_nothing(phrase: str, subject: str) -> None:
    assert in_subject(subject, a_phrase(phrase)) is None


@pytest.mark.rule(238)
def test_a_piece_of_an_encoded_word_is_found_in_the_subject_as_it_came() -> None:
    raw = "=?iso-8859-1?q?R=E9ponse_automatique?="
    matched = found(Looked(None, "Réponse", raw), a_phrase("ponse_automatique"))
    assert matched is not None
    assert matched.found_in == "raw_subject"


@pytest.mark.rule(17)
def test_of_several_phrases_a_permanent_one_wins_then_the_longest_then_the_oldest() -> None:
    phrases = [
        a_phrase("postmaster", id=1, type="address", failure="temporary"),
        a_phrase("mail", id=2),
        a_phrase("failed mail", id=4),
        a_phrase("FAILED MAIL", id=3),
        a_phrase("failed mail delivery", id=5, failure="temporary"),
    ]
    mail = Looked("postmaster@x.test", "Failed mail delivery", "Failed mail delivery")
    for order in (phrases, phrases[::-1]):
        matched = found(mail, *order)
        assert matched is not None
        assert matched.id == 3


LETTERS = st.text(alphabet="aAbBéÉe\u0301ßsSİi가각각かが\u3099 \t\u00a0ﬁ-:", max_size=12)


@given(
    st.lists(
        st.builds(
            DeliveryExceptionPhrase,
            id=st.integers(1, 9),
            type=st.sampled_from(["address", "subject"]),
            phrase=LETTERS,
            failure=st.sampled_from(["permanent", "temporary"]),
        ),
        max_size=8,
    ),
    LETTERS,
    LETTERS,
    LETTERS,
)
def test_the_automaton_finds_what_a_search_for_each_phrase_finds(
    phrases: list[DeliveryExceptionPhrase], address: str, subject: str, raw_subject: str
) -> None:
    places = {"address": [fold(local_part(address))], "subject": [fold(subject), fold(raw_subject)]}
    naive = [
        phrase
        for phrase in phrases
        if fold(phrase.phrase).strip() and any(fold(phrase.phrase) in place for place in places[phrase.type])
    ]
    matched = found(Looked(address, subject, raw_subject), *phrases)
    assert (matched is None) == (not naive)
    if matched is not None:
        best = min(naive, key=lambda phrase: (phrase.failure != "permanent", -len(phrase.phrase), phrase.id))
        assert matched.failure == best.failure
        assert (fold(matched.phrase), matched.type) in {(fold(phrase.phrase), phrase.type) for phrase in naive}
        assert (len(matched.phrase), matched.id) == (len(best.phrase), best.id)
