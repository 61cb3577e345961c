"""The one error body: RFC 9457 problem details, with a stable code."""

from pydantic import Field

from ece_common.contracts import words
from ece_common.contracts.base import Reference, Sent


class FieldProblem(Sent):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where: a dotted path such as `incoming.port`, or `query.limit`.")
    problem: str = Field(description="What is wrong with the value, and what would be right.")


class Problem(Sent, words=words.PROBLEM):
    """`application/problem+json` (RFC 9457). `code` is stable; `title` and `detail` are for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    errors: list[FieldProblem] | None = None
    references: list[Reference] | None = None
