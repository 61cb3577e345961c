"""Patterns from and to XML: all of a file or nothing; one of the same name is overwritten."""

import asyncio
from dataclasses import asdict

from config_api.acting import Act
from config_api.masking import patterns, repository
from config_api.masking.tables import PatternRow
from ece_common.contracts.masking import ImportedPatterns
from ece_common.contracts.policies import MAXIMUM_PATTERNS
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Conflict, Invalid
from ece_common.policies import masking_xml
from ece_common.policies.masking_xml import ImportRefused, PatternDefinition


async def take(act: Act, content: bytes) -> ImportedPatterns:
    """Raise `Invalid` naming the pattern and element; nothing is taken then."""
    await repository.alone(act.session)
    try:
        in_use = await repository.names_in_use(act.session)
        read = await asyncio.to_thread(masking_xml.read, content, in_use=in_use)
    except ImportRefused as refused:
        field = "body" if refused.number is None else f"pattern.{refused.number}.{refused.field or ''}".rstrip(".")
        problem = FieldProblem(field=field, problem=refused.problem)
        raise Invalid(str(refused), code=refused.code, errors=[problem]) from None
    known = {row.name: row for row in await repository.everything(act.session)}
    created = [one.name for one in read if one.name not in known]
    if len(known) + len(created) > MAXIMUM_PATTERNS:
        raise Conflict(
            f"there are {MAXIMUM_PATTERNS} masking patterns at most: with this file there would be "
            f"{len(known) + len(created)}",
            code="too_many",
        )
    for one in read:
        await _store(act, one, known.get(one.name))
    return ImportedPatterns(created=created, overwritten=[one.name for one in read if one.name in known])


async def _store(act: Act, one: PatternDefinition, row: PatternRow | None) -> None:
    what = "created" if row is None else "changed"
    if row is None:
        row = PatternRow(**asdict(one))
    else:
        for name, value in asdict(one).items():
            setattr(row, name, value)
        row.version += 1
        row.updated_at = act.now
    await patterns.check(row)
    act.session.add(row)
    await act.session.flush()
    await patterns.tell(act, row, what, {**asdict(one), "imported": True})


def given(rows: list[PatternRow]) -> bytes:
    return masking_xml.write(
        PatternDefinition(
            name=row.name,
            description=row.description,
            active=row.active,
            masking_character=row.masking_character,  # pyright: ignore[reportArgumentType] - checked when saved
            javascript_regular_expression=row.javascript_regular_expression,
            java_regular_expression=row.java_regular_expression,
            unmask_from_left=row.unmask_from_left,
            unmask_from_right=row.unmask_from_right,
            apply_luhn=row.apply_luhn,
        )
        for row in rows
    )
