"""What leaves is looked at as what comes in: attachments by the department's blocking, texts by its masking."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from config_api.acting import Act
from config_api.outbound.letters import Letter
from config_api.policies import in_force
from config_api.preferences import in_force as settings
from ece_common.contracts.activities import NewAttachment
from ece_common.contracts.policies import DepartmentPolicies
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Invalid
from ece_common.policies.attachment_contents import File
from ece_common.policies.blocking import AttachmentBlocking, Verdict
from ece_common.policies.masking import Masker


@dataclass(frozen=True, slots=True)
class Screened:
    """A letter as it may be stored, and what was found in its attachments, one verdict each."""

    letter: Letter
    verdicts: list[Verdict]
    keeps_content: bool
    """Of blocked attachments: quarantined with their content, or deleted without."""
    policy_version: str | None = None


async def screened(act: Act, letter: Letter) -> Screened:
    """Raise `Invalid` naming each attachment that the department blocks and does not let go without it."""
    passing = [Verdict(blocked=False)] * len(letter.attachments)
    if letter.department_id is None:
        return Screened(letter, passing, keeps_content=False)
    policies = (await in_force.of_departments(act.session, [letter.department_id]))[letter.department_id]
    verdicts = await asyncio.to_thread(_judged, policies, letter.attachments)
    if any(verdict.blocked for verdict in verdicts):
        chosen = await settings.department(act.session, letter.department_id)
        if chosen.outgoing_blocked_attachments == "refuse":
            raise _refusal(verdicts)
    if policies.masking.mask_outgoing and policies.masking.patterns:
        letter, verdicts = await asyncio.to_thread(_masked, policies, letter, verdicts)
    kept = policies.blocking.action_on_blocked_attachments == "quarantine"
    return Screened(letter, verdicts, keeps_content=kept, policy_version=policies.version)


def _judged(policies: DepartmentPolicies, attachments: Sequence[NewAttachment]) -> list[Verdict]:
    files = [File((one.name,), one.content_type, one.content_base64) for one in attachments]
    return AttachmentBlocking(policies.blocking).judge(files, "outbound")


def _refusal(verdicts: list[Verdict]) -> Invalid:
    found = [
        FieldProblem(
            field=f"attachments.{n}", problem=f"is blocked in this department: {verdict.path}: {verdict.reason}"
        )
        for n, verdict in enumerate(verdicts)
        if verdict.blocked
    ]
    return Invalid(
        "; ".join(f"{one.field}: {one.problem}" for one in found)[:2000], code="attachment_blocked", errors=found
    )


def _masked(policies: DepartmentPolicies, letter: Letter, verdicts: list[Verdict]) -> tuple[Letter, list[Verdict]]:
    """Subject, bodies and names of attachments before they are stored or sent (R30, R31). Contents are not masked.

    Raise `Invalid` when a pattern ran out of time: a note instead of the text must not go to a customer.
    """
    masking = Masker(policies.masking.patterns).mail()
    masked = replace(
        letter,
        subject=masking.text(letter.subject, "subject"),
        text=masking.text(letter.text, "text") if letter.text is not None else None,
        html=masking.html(letter.html, "html") if letter.html is not None else None,
        attachments=[
            one.model_copy(update={"name": masking.text(one.name, f"attachments.{n}.name")})
            for n, one in enumerate(letter.attachments)
        ],
    )
    if masking.hidden:
        found = [
            FieldProblem(field=one.part, problem=f"could not be masked: the pattern {one.pattern} {one.reason}")
            for one in masking.hidden
        ]
        raise Invalid(
            "; ".join(f"{one.field}: {one.problem}" for one in found)[:2000], code="not_masked", errors=found
        )
    told = [replace(one, path=masking.text(one.path, ""), reason=masking.text(one.reason, "")) for one in verdicts]
    return masked, told
