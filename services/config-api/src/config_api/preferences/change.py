"""What may happen to settings: a merge patch, judged against what is in force."""

from typing import Any
from urllib.parse import urlsplit

from config_api import preconditions
from config_api.acting import Act
from config_api.departments import repository as departments
from config_api.preferences import in_force, repository
from config_api.preferences.tables import SettingsRow
from config_api.sealing import Vault
from ece_common.contracts.settings import (
    DepartmentSettings,
    DepartmentSettingsChange,
    PartitionSettings,
    PartitionSettingsChange,
)
from ece_common.errors import Invalid

PASSWORD = "default_smtp_password"  # noqa: S105 - the name of a field


def merged(chosen: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396: null takes a value away, so that the default counts again."""
    return {name: value for name, value in {**chosen, **patch}.items() if value is not None}


def department_version(partition: SettingsRow, row: SettingsRow | None) -> str:
    """A department's settings change with the partition's, which they inherit."""
    return f"{partition.version}.{row.version if row is not None else 0}"


async def change_partition(act: Act, wanted: PartitionSettingsChange, if_match: str | None) -> SettingsRow:
    row = await repository.partition(act.session, lock=True)
    preconditions.require(if_match, row.version)
    before = in_force.of_partition(row)
    patch = wanted.model_dump(mode="json", exclude_unset=True, exclude={PASSWORD})
    _check_web_server(wanted.web_server_url)
    after = in_force.of_partition(SettingsRow(chosen=merged(row.chosen, patch), smtp_password=row.smtp_password))
    _check_password_goes_along(before, after, wanted)
    if after == before and PASSWORD not in wanted.model_fields_set:
        return row
    row.chosen = merged(row.chosen, patch)
    if PASSWORD in wanted.model_fields_set:
        row.smtp_password = _sealed(wanted, act.vault)
    told = _told(before, in_force.of_partition(row), patch)
    if PASSWORD in wanted.model_fields_set:
        told[PASSWORD] = "changed"
    await _record(act, row, told)
    return row


def _check_web_server(url: str | None) -> None:
    if url is None:
        return
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise Invalid.field("web_server_url", "must be an address such as https://mail.example.com")


def _check_password_goes_along(
    before: PartitionSettings, after: PartitionSettings, wanted: PartitionSettingsChange
) -> None:
    """A stored password is never sent to a place it was not given for."""
    place = (after.default_smtp_server, after.default_smtp_port)
    moved = place != (before.default_smtp_server, before.default_smtp_port)
    if moved and before.default_smtp_password_set and PASSWORD not in wanted.model_fields_set:
        raise Invalid.field(
            PASSWORD, "is needed again because default_smtp_server or default_smtp_port changes; null removes it"
        )


def _sealed(wanted: PartitionSettingsChange, vault: Vault) -> bytes | None:
    if wanted.default_smtp_password is None:
        return None
    return vault.seal(wanted.default_smtp_password.get_secret_value())


async def change_department(
    act: Act, department_id: int, wanted: DepartmentSettingsChange, if_match: str | None
) -> tuple[DepartmentSettings, str]:
    """The settings in force afterwards, and their version."""
    session = act.session
    await departments.get(session, department_id, lock=True)
    partition = await repository.partition(session)
    shared = in_force.of_partition(partition)
    preconditions.require(
        if_match, department_version(partition, await repository.department(session, department_id))
    )
    patch = wanted.model_dump(mode="json", exclude_unset=True)
    _refuse_forbidden(patch, shared)
    row = await repository.department_to_change(session, department_id)
    before = in_force.of_department(shared, row)
    chosen = merged(row.chosen, patch)
    if chosen == row.chosen:
        return before, department_version(partition, row)
    row.chosen = chosen
    after = in_force.of_department(shared, row)
    await _record(act, row, _told(before, after, patch))
    return after, department_version(partition, row)


def _refuse_forbidden(patch: dict[str, Any], shared: PartitionSettings) -> None:
    for name, value in patch.items():
        if value is not None and name in in_force.SHARED and name not in shared.departments_may_override:
            raise Invalid.field(
                name, "is set by the partition for every department; `departments_may_override` does not name it"
            )


def _told(before: Any, after: Any, patch: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - either kind of settings
    return {name: [getattr(before, name), getattr(after, name)] for name in patch}


async def _record(act: Act, row: SettingsRow, told: dict[str, Any]) -> None:
    row.version += 1
    row.updated_at = act.now
    act.session.add(row)
    whose = row.department_id
    subject = "settings" if whose is None else f"department/{whose}/settings"
    act.audit("settings.changed", subject, told, department_id=whose)
    act.event("settings.changed", subject, {"fields": sorted(told)}, department_id=whose)
    await act.session.flush()
    for follow in act.hooks.settings_followers:
        await follow(act.session)
