"""Real mail, where a collection of it is at hand: no exception, and every leaf comes out."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from retriever.parsing import Unparsable, parse
from tests.retriever import leaves
from tests.retriever.parsed_mail import REPOSITORY, check_storable

# Where the standard library's reading is the worse one, and so cannot be the measure.
READ_BETTER = {
    "multipartemptypart.msg": "takes the epilogue for the only, empty part",
}
REAL_MAIL = REPOSITORY.parent / "shared" / "data" / "mail"


@pytest.mark.rule(39)
def test_real_mail_parses_without_exception_and_without_a_lost_leaf() -> None:
    if not REAL_MAIL.is_dir():
        pytest.skip(f"no collection of real mail at {REAL_MAIL}: 1,860 messages that are not part of this repository")
    messages = [path for path in sorted(REAL_MAIL.glob("*/*")) if path.is_file() and path.name not in READ_BETTER]
    assert len(messages) > 1000, "the collection is smaller than it was"
    lost = [problem for path in messages for problem in _problems(path)]
    assert lost == []


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
