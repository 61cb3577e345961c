"""A dry run: which phrase would make a mail a bounce-back. The workers' own matcher answers."""

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.delivery_exceptions import repository
from config_api.departments import repository as departments
from ece_common.contracts.delivery_exceptions import BounceTrial, BounceVerdict
from ece_common.policies.delivery_exceptions import Looked, Matcher


async def evaluate(session: AsyncSession, department_id: int, trial: BounceTrial) -> BounceVerdict:
    await departments.get(session, department_id)
    matcher = Matcher((await repository.phrases(session, [department_id]))[department_id])
    raw = trial.raw_subject if trial.raw_subject is not None else trial.subject
    match = matcher.match(Looked(trial.from_, trial.subject, raw))
    if match is None:
        return BounceVerdict(subtype="email", match=None)
    permanent = match.failure == "permanent"
    return BounceVerdict(
        subtype="email_permanent_undeliverable" if permanent else "email_temporary_undeliverable", match=match
    )
