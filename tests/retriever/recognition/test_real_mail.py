import pytest

from bench.score import figures, labelled, score
from tests.retriever.parsed_mail import REPOSITORY

REAL_MAIL = REPOSITORY.parent / "shared" / "data" / "mail"


@pytest.mark.rule(16, 17, 238, 240, 241)
def test_real_bounces_are_recognised_and_real_mail_is_left_alone() -> None:
    if not (REAL_MAIL / "index.csv").is_file():
        pytest.skip(f"no labelled collection of real mail at {REAL_MAIL}: it is not part of this repository")
    found = figures(score(labelled(REAL_MAIL)))
    assert found["messages"] > 1000, "the collection is smaller than it was"
    assert found["bounce_recall"] >= 0.99
    assert found["class_agreement"] >= 0.95
    assert found["false_positive_rate"] <= 0.002
    assert found["parse_failures"] == 0
    assert found["lost_parts"] == 0
