"""A department's delivery exceptions, blocking and masking as one thing with a version, for whoever applies them."""

import hashlib
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.blocked_extensions import repository as blocked_extensions
from config_api.delivery_exceptions import repository as delivery_exceptions
from config_api.masking import channels
from config_api.preferences import in_force as settings
from ece_common.contracts.policies import BlockingPolicy, DepartmentPolicies
from ece_common.contracts.settings import DepartmentSettings, PartitionSettings


async def of_departments(session: AsyncSession, department_ids: Sequence[int]) -> dict[int, DepartmentPolicies]:
    """A few queries, however many departments. Equal policies have equal versions."""
    wanted = sorted(set(department_ids))
    partition = await settings.partition(session)
    chosen = await settings.departments(session, wanted)
    phrases = await delivery_exceptions.phrases(session, wanted)
    extensions = await blocked_extensions.extensions(session, wanted)
    masking = await channels.policies(session, wanted)
    return {
        id_: _versioned(
            DepartmentPolicies(
                delivery_exceptions=phrases[id_],
                blocking=_blocking(partition, chosen[id_], extensions[id_]),
                masking=masking[id_],
            )
        )
        for id_ in wanted
    }


def _blocking(partition: PartitionSettings, department: DepartmentSettings, extensions: list[str]) -> BlockingPolicy:
    return BlockingPolicy(
        attachments_allowed=partition.attachments_allowed,
        attachments_blocked=partition.attachments_blocked,
        blocked_file_extensions=extensions,
        block_all_attachments=department.block_all_attachments,
        email_for_scan=department.email_for_scan,
        action_on_blocked_attachments=department.action_on_blocked_attachments,
        encrypted_archives=department.encrypted_archives,
    )


def _versioned(policies: DepartmentPolicies) -> DepartmentPolicies:
    digest = hashlib.sha256(policies.model_dump_json().encode()).hexdigest()
    return policies.model_copy(update={"version": digest[:16]})
