"""Conditions in CEL, the Common Expression Language (cel.dev): checked when saved, cheap when run. Pure.

The C++ implementation of its authors, since it alone has a type checker: a mistake is told with its place when a
workflow is saved, not when a mail arrives. It also bounds nesting and iteration, and its expressions are RE2's.
"""

import re
import time
from functools import lru_cache
from typing import Any

import re2
from cel_expr_python import cel

from config_api.routing import bounding, facts
from config_api.routing.facts import Facts
from ece_common.contracts.workflows import FIELDS

_KEPT = 4096
"""Compiled conditions; an expression compiles to the same whichever workflow it stands in."""
_SLOWEST = 0.1
"""Seconds for one condition over the largest mail: while it runs, nothing else does."""
_EXPRESSION_MEMORY = 1 << 18
_QUOTED = (
    r"'''(?:\\.|[^\\])*?'''",
    r'"""(?:\\.|[^\\])*?"""',
    r"'(?:\\.|[^'\\\n])*'",
    r'"(?:\\.|[^"\\\n])*"',
)
_RAW = r"(?:[rR][bB]?|[bB][rR])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\")"
_LITERAL = re.compile(f"{_RAW}|[bB]?(?:{'|'.join(_QUOTED)})", re.DOTALL)
_NO_CODE = re.compile(rf"{_LITERAL.pattern}|//[^\n]*", re.DOTALL)
_MATCHES = re.compile(r"\bmatches\s*\(")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")


class Broken(Exception):
    """A condition that cannot be used, or one that failed on a mail; says why."""


class Condition:
    """A compiled condition."""

    def __init__(self, program: Any) -> None:  # noqa: ANN401 - the library's own, which has no useful type
        self._program = program

    def holds(self, values: dict[str, Any]) -> bool:
        """Whether it is true of a mail (`Facts.values`). Raise `Broken` when it fails on it."""
        try:
            answer = self._program.eval(data=values)
            if answer.type() == cel.Type.BOOL:
                return bool(answer.value())
            problem = str(answer.value())
        except (RuntimeError, TypeError, ValueError) as trouble:
            problem = str(trouble)
        raise Broken(_told(problem))


@lru_cache(maxsize=1)
def _environment() -> Any:  # noqa: ANN401
    lower = cel.Overload("string_lower", cel.Type.STRING, [cel.Type.STRING], True, str.lower)
    variables = {name: _type(kind) for name, (kind, _) in FIELDS.items()}
    return cel.NewEnv(variables=variables, functions=[cel.FunctionDecl("lower", [lower])])


def _type(kind: str) -> cel.Type:
    text = cel.Type.STRING
    return {
        "string": text,
        "int": cel.Type.INT,
        "bool": cel.Type.BOOL,
        "timestamp": cel.Type.TIMESTAMP,
        "list(string)": cel.Type.List(text),
        "map(string, string)": cel.Type.Map(text, text),
    }[kind]


@lru_cache(maxsize=_KEPT)
def compiled(expression: str) -> Condition:
    """Raise `Broken` with line and column. What is unbounded is not run either, whoever saved it."""
    _refuse_unbounded(expression)
    try:
        program = _environment().compile(expression)
    except RuntimeError as problem:
        raise Broken(_told(str(problem))) from None
    kind = program.return_type()
    if kind != cel.Type.BOOL:
        raise Broken(f"must be true or false, as in `subject.contains('invoice')`; it is of type {kind.name()}")
    return Condition(program)


def check(expression: str) -> None:
    """Raise `Broken`, saying where and what would be right, for what must not be saved."""
    condition = compiled(expression)
    for sample in facts.samples():
        began = time.thread_time()
        try:
            condition.holds(sample.values())
        except Broken as problem:
            raise Broken(f"fails on {_which(sample)}: {problem}; {_hint(str(problem))}") from None
        if time.thread_time() - began > _SLOWEST:
            raise Broken(f"takes longer than {_SLOWEST:g} s on a large mail; make it simpler")


def _which(sample: Facts) -> str:
    return "a large mail" if sample.text else "a mail without headers, recipients and text"


def _hint(problem: str) -> str:
    if "Key not found" in problem:
        return "ask first whether the header is there: `'x-name' in headers && headers['x-name'] == '...'`"
    if "ndex" in problem:
        return "ask with `to.exists(one, one == '...')`, which fits every length"
    return "guard it, so that it is true or false of every mail"


def _refuse_unbounded(expression: str) -> None:
    """A condition compares and builds nothing: so no mail can make it large or slow."""
    bare = _NO_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), expression)
    unbounded = bounding.problem(bare)
    if unbounded is not None:
        raise Broken(f"at {_place(expression, unbounded[0])}: {unbounded[1]}")
    for found in _MATCHES.finditer(bare):
        _refuse_expression(expression, found.end())


def _refuse_expression(expression: str, at: int) -> None:
    start = at + len(expression[at:]) - len(expression[at:].lstrip())
    literal = _LITERAL.match(expression, start)
    if literal is None:
        raise Broken(f"at {_place(expression, start)}: `matches` takes a regular expression written out, as in "
                     "`subject.matches('(?i)order [0-9]+')`")  # fmt: skip
    options = re2.Options()
    options.max_mem = _EXPRESSION_MEMORY
    options.log_errors = False
    try:
        re2.compile(_environment().compile(literal[0]).eval(data={}).value(), options)
    except (re2.error, RuntimeError, TypeError) as problem:
        told = problem.args[0] if problem.args else problem
        told = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
        raise Broken(
            f"at {_place(expression, start)}: not a regular expression that can be run here (RE2): {_told(told)}"
        ) from None


def _place(expression: str, at: int) -> str:
    line = expression.count("\n", 0, at) + 1
    return f"line {line}, column {at - (expression.rfind(chr(10), 0, at) + 1) + 1}"


def _told(problem: str) -> str:
    """The checker's own words without its drawing of the place."""
    found = _PLACE.search(problem)
    if found is not None:
        return f"line {found[1]}, column {found[2]}: {_plain(found[3])}"
    return _plain(re.sub(r"^[A-Z_]+: ", "", problem.splitlines()[0] if problem else "failed"))


def _plain(words: str) -> str:
    words = re.sub(r" ?\(in container ''\)| \[[A-Z_]+\]$", "", words)
    if words.startswith("undeclared reference"):
        words += f"; known are {', '.join(sorted(FIELDS))}, and lower()"
    return words[:1000]
