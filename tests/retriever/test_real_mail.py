"""Real mail, where a collection of it is at hand: no exception, and every leaf comes out."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from retriever.parsing import Unparsable, parse
from tests.retriever import leaves
from tests.retriever.parsed_mail import CORPUS, REPOSITORY, check_storable, parsed

REAL_MAIL = REPOSITORY.parent / "shared" / "data" / "mail"


@pytest.mark.rule(39)
def test_real_mail_parses_without_exception_and_without_a_lost_leaf() -> None:
    if not REAL_MAIL.is_dir():
        pytest.skip(f"no collection of real mail at {REAL_MAIL}: 1,860 messages that are not part of this repository")
    messages = [path for path in sorted(REAL_MAIL.glob("*/*")) if path.is_file()]
    assert len(messages) > 1000, "the collection is smaller than it was"
    lost = [problem for path in messages for problem in _problems(path)]
    assert lost == []


def test_a_part_that_is_missing_is_told_also_where_the_standard_library_does_not_find_it() -> None:
    data = (CORPUS / "boundary-folded.eml").read_bytes()
    mail = parsed(data)
    assert leaves.lost(data, mail) == []
    assert leaves.lost(data, replace(mail, attachments=[])) == ["leaf 1 is lost: 123"]


def _problems(path: Path) -> Iterable[str]:
    data = path.read_bytes()
    mail = parse(data)
    check_storable(data, mail)
    if isinstance(mail, Unparsable):
        if data.strip():
            yield f"{path.name}: {mail.reason}"
        return
    for problem in leaves.lost(data, mail):
        yield f"{path.parent.name}/{path.name}: {problem}"
