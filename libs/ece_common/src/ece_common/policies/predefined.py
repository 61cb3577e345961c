"""The delivery exceptions that every department begins with (R18, R265 to R267)."""

import csv
from functools import cache
from importlib import resources
from typing import NamedTuple, cast

from ece_common.contracts.policies import Failure, PhraseType


class PredefinedException(NamedTuple):
    """Its name is its phrase (R267)."""

    type: PhraseType
    phrase: str
    failure: Failure


@cache
def delivery_exceptions() -> tuple[PredefinedException, ...]:
    """All 127, in the guide's order."""
    table = resources.files("ece_common.policies").joinpath("predefined_delivery_exceptions.csv").read_text("utf-8")
    return tuple(
        PredefinedException(cast("PhraseType", row["type"]), row["phrase"], cast("Failure", row["failure"]))
        for row in csv.DictReader(table.splitlines())
    )
