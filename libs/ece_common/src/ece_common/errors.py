"""Every failure we name. `Transient`: the same call may succeed later. `Permanent`: it will not."""

from collections.abc import Sequence
from typing import ClassVar

from ece_common.contracts.base import Reference
from ece_common.contracts.problem import FieldProblem, Problem


class EceError(Exception):
    """Base of all: a message safe to show, with a stable code and an HTTP status."""

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldProblem] | None = None,
        references: Sequence[Reference] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code
        self.errors = list(errors) if errors is not None else None
        self.references = list(references) if references is not None else None

    def problem(self) -> Problem:
        return Problem(
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors,
            references=self.references,
        )


class Transient(EceError):
    """Try again later: the network, a server that is away, a limit."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"
    retry_after: float | None = None
    """Seconds, when somebody asked for that much patience."""


class Permanent(EceError):
    """Trying again changes nothing."""


class Invalid(Permanent):
    status = 422
    code = "validation_error"
    title = "The request is not valid"

    @classmethod
    def field(cls, field: str, problem: str) -> "Invalid":
        return cls(f"{field}: {problem}", errors=[FieldProblem(field=field, problem=problem)])


class TooLarge(Permanent):
    status = 413
    code = "too_large"
    title = "The request is too large"


class Unauthenticated(Permanent):
    status = 401
    code = "unauthenticated"
    title = "A valid token is needed"


class Forbidden(Permanent):
    status = 403
    code = "forbidden"
    title = "This token does not allow that"


class NotFound(Permanent):
    status = 404
    code = "not_found"
    title = "No such resource"


class Conflict(Permanent):
    status = 409
    code = "conflict"
    title = "The state of the resource does not allow that"


class StaleEpoch(Conflict):
    """The lease has passed to another replica: drop the alias."""

    code = "stale_epoch"


class Gone(Permanent):
    status = 410
    code = "gone"
    title = "What was there is kept no longer"


class PreconditionFailed(Permanent):
    status = 412
    code = "precondition_failed"
    title = "The resource has changed since it was read"


BY_STATUS: dict[int, type[EceError]] = {
    kind.status: kind
    for kind in (
        Transient, Invalid, TooLarge, Unauthenticated, Forbidden, NotFound, Conflict, Gone, PreconditionFailed,
    )
}  # fmt: skip


def from_problem(problem: Problem) -> EceError:
    """The error a peer meant by its problem body, so that both sides of the wire raise the same."""
    if problem.code == StaleEpoch.code:
        return StaleEpoch(problem.detail)
    fallback = Transient if problem.status in (408, 425, 429) or problem.status >= 500 else Permanent
    kind = BY_STATUS.get(problem.status, fallback)
    return kind(
        problem.detail or problem.title,
        code=problem.code,
        errors=problem.errors,
        references=problem.references,
    )
