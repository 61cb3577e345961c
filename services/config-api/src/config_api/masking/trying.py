"""Patterns tried on a text, with what they find: by the workers' own masker, beside the event loop."""

import asyncio
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.masking import patterns, repository
from config_api.masking.tables import PatternRow
from ece_common.contracts.masking import MaskedSpan, MaskingTrial, MaskingVerdict
from ece_common.contracts.policies import MaskingPattern
from ece_common.errors import Invalid
from ece_common.policies.masking import Hit, Masker


async def evaluate(session: AsyncSession, trial: MaskingTrial) -> MaskingVerdict:
    known = await repository.among(session, trial.pattern_ids)
    for place, one in enumerate(trial.pattern_ids):
        if one not in known:
            raise Invalid.field(f"pattern_ids.{place}", f"there is no masking pattern {one}")
    tried = [MaskingPattern.model_validate(known[one]) for one in trial.pattern_ids]
    if trial.pattern is not None:
        row = PatternRow(**trial.pattern.model_dump())
        try:
            await patterns.check(row)
        except Invalid as problem:
            raise Invalid.field(*_inside(problem)) from None
        tried.append(MaskingPattern.model_validate({**trial.pattern.model_dump(), "id": 0}))
    if not tried:
        raise Invalid.field("pattern_ids", "name patterns, or give one as `pattern`")
    return await asyncio.to_thread(_evaluated, trial, tried)


def _inside(problem: Invalid) -> tuple[str, str]:
    one = (problem.errors or [])[0]
    return f"pattern.{one.field}", one.problem


def _evaluated(trial: MaskingTrial, tried: list[MaskingPattern]) -> MaskingVerdict:
    masking = Masker(tried).mail()
    text = masking.text(trial.text, "text")
    in_text = len(masking.hits)
    subject = masking.text(trial.subject, "subject")
    return MaskingVerdict(
        text=text,
        subject=subject,
        matches=_spans(masking.hits[:in_text]),
        subject_matches=_spans(masking.hits[in_text:]),
        hidden=[f"{hidden.part}: {hidden.pattern} {hidden.reason}" for hidden in masking.hidden],
    )


def _spans(hits: Sequence[Hit]) -> list[MaskedSpan]:
    ordered = sorted(hits, key=lambda hit: (hit.start, hit.end))
    return [MaskedSpan(pattern=hit.pattern, start=hit.start, end=hit.end) for hit in ordered]
