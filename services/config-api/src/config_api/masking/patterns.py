"""What may happen to a masking pattern: it must compile, and one that a channel applies stays active."""

import asyncio
from collections.abc import Mapping
from typing import Any

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.masking import repository
from config_api.masking.tables import PatternRow
from ece_common.contracts.masking import MaskingPatternChange, NewMaskingPattern
from ece_common.contracts.policies import MAXIMUM_PATTERNS
from ece_common.errors import Conflict, Invalid
from ece_common.policies.masking_engines import Expression
from ece_common.policies.masking_escapes import Dialect, PatternError

JAVA, JAVASCRIPT = "java_regular_expression", "javascript_regular_expression"


async def create(act: Act, new: NewMaskingPattern) -> PatternRow:
    await repository.alone(act.session)
    if await repository.count(act.session) >= MAXIMUM_PATTERNS:
        raise Conflict(f"there are {MAXIMUM_PATTERNS} masking patterns at most", code="too_many")
    row = PatternRow(**new.model_dump())
    await _refuse_taken(act, row)
    await check(row)
    act.session.add(row)
    await act.session.flush()
    await act.session.refresh(row)
    await tell(act, row, "created", new.model_dump())
    return row


async def change(act: Act, pattern_id: int, wanted: MaskingPatternChange, if_match: str | None) -> PatternRow:
    await repository.alone(act.session)
    row = await repository.get(act.session, pattern_id)
    preconditions.require(if_match, row.version)
    if wanted.active is False:
        await _refuse_in_use(act, row, "made inactive")
    changes = wanted.model_dump(exclude_unset=True)
    if JAVASCRIPT in changes:
        changes[JAVASCRIPT] = changes[JAVASCRIPT] or changes.get(JAVA) or row.java_regular_expression
    told = merge_patch.apply(row, changes, act.now)
    if not told:
        return row
    with act.session.no_autoflush:
        await _refuse_taken(act, row)
    await check(row)
    act.session.add(row)
    await act.session.flush()
    await tell(act, row, "changed", told)
    return row


async def delete(act: Act, pattern_id: int, if_match: str | None) -> None:
    await repository.alone(act.session)
    row = await repository.get(act.session, pattern_id)
    preconditions.require(if_match, row.version)
    await _refuse_in_use(act, row, "deleted")
    await act.session.delete(row)
    await tell(act, row, "deleted", {"name": row.name})


async def check(row: PatternRow) -> None:
    """Both expressions compile (R33); where no JavaScript one is given the Java one is taken for it. Beside the event
    loop: a nested one takes its time.
    """
    row.javascript_regular_expression = row.javascript_regular_expression or row.java_regular_expression
    java, javascript = row.java_regular_expression, row.javascript_regular_expression
    row.linear = (await asyncio.to_thread(_compiled, JAVA, java, "java")).linear
    try:
        await asyncio.to_thread(_compiled, JAVASCRIPT, javascript, "javascript")
    except Invalid as problem:
        if javascript != java:
            raise
        said = (problem.errors or [])[0].problem
        raise Invalid.field(
            JAVASCRIPT, f"is needed: left out, the Java expression is taken for it, which as JavaScript {said}"
        ) from None


def _compiled(field: str, source: str, dialect: Dialect) -> Expression:
    try:
        return Expression(source, dialect)
    except PatternError as problem:
        raise Invalid.field(field, f"does not compile: {problem}") from None


async def tell(act: Act, row: PatternRow, what: str, told: Mapping[str, Any]) -> None:
    kind, subject = f"masking_pattern.{what}", f"masking_pattern/{row.id}"
    act.audit(kind, subject, told)
    act.event(kind, subject, {"name": row.name})
    for follow in act.hooks.policy_followers:
        await follow(act.session)


async def _refuse_taken(act: Act, row: PatternRow) -> None:
    taken = await repository.by_name(act.session, row.name)
    if taken is not None and taken.id != row.id:
        raise Conflict(
            f"name: a masking pattern called {row.name!r} exists already (id {taken.id})", code="name_taken"
        )


async def _refuse_in_use(act: Act, row: PatternRow, what: str) -> None:
    assert row.id is not None
    found = await repository.users_of(act.session, row.id)
    if found:
        raise Conflict(
            f"masking pattern {row.name!r} cannot be {what} while a channel applies it: take it out of their "
            "`pattern_ids` first",
            code="still_referenced",
            references=found,
        )
