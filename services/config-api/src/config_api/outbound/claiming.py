"""Work for a dispatcher: due messages of its aliases, each handed to one claimant, with how and to whom to send."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate

import asyncpg
from sqlmodel import col, select

from config_api import bulk
from config_api.acting import Act
from config_api.aliases.tables import AliasRow
from config_api.bulk import Bulk
from config_api.instances import mailbox_access
from config_api.instances import repository as instances
from config_api.instances.mailbox_access import Accounts
from config_api.outbound import access, addressing, claim_ids, handing_out, recording, sweeping, troubles
from config_api.outbound.access import DefaultServer, Route
from config_api.outbound.conclusion import WAITING_SECONDS, Rules, State, fail
from config_api.preferences import in_force
from config_api.sealing import CannotOpen
from ece_common.contracts.outbound import ClaimAnswer, ClaimRequest
from ece_common.errors import Conflict, NotFound, Transient

_DUE = """
    SELECT d.activity_id, d.alias_id, d.automatic, d.status, d.attempts, d.next_attempt_at, d.give_up_at,
           d.last_error, d.claim_id, d.claim_expires_at
    FROM deliveries d LEFT JOIN aliases a ON a.id = d.alias_id
    WHERE d.status = 'queued' AND d.available_at <= $1 AND (d.alias_id IS NULL OR d.alias_id <> ALL($4))
      AND ((a.deleted_at IS NULL AND EXISTS (
               SELECT 1 FROM instance_aliases m WHERE m.instance_id = $2 AND m.alias_id = d.alias_id))
           OR ($3 AND a.id IS NOT NULL AND a.deleted_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM instance_aliases m WHERE m.alias_id = d.alias_id AND m.kind = 'dispatcher'))
           OR ($3 AND (a.id IS NULL OR a.deleted_at IS NOT NULL) AND NOT $5))
    ORDER BY d.available_at, d.activity_id LIMIT $6 FOR NO KEY UPDATE OF d SKIP LOCKED
"""

_LARGEST_ANSWER = 32 * 1024 * 1024
# octet_length() reads the size that stands before a stored value, not the value.
_SIZES = """
    SELECT id, coalesce(octet_length(text), 0) + coalesce(octet_length(html), 0) AS size FROM activities
    WHERE id = ANY($1)
"""


async def claim(act: Act, request: ClaimRequest, claim_seconds: float) -> ClaimAnswer:
    act.caller.may_work_for("dispatcher", request.instance)
    instance = await instances.by_name(act.session, "dispatcher", request.instance)
    if instance is None or instance.id is None:
        raise NotFound(f"there is no dispatcher instance {request.instance!r}")
    rows = await bulk.of(act.session)
    settings = await in_force.partition(act.session)
    rules = Rules(act.now, claim_seconds, settings.uncertain_delivery, random.random)
    await sweeping.sweep(rows, rules)
    default = DefaultServer(settings, await in_force.default_smtp_password(act.session, act.vault))
    default_route = access.of_default(act.vault, default)
    paused = set(request.paused_routes)
    due = await rows.fetch(
        _DUE,
        act.now,
        instance.id,
        instance.name == "default",
        await _paused_aliases(act, paused),
        default_route is not None and default_route.key in paused,
        request.limit,
    )
    if not due:
        return ClaimAnswer(claims=[], routes={})
    due = await _fitting(rows, due)
    aliases = await _aliases(act, {row["alias_id"] for row in due} - {None})
    accounts = await mailbox_access.accounts_of(act.session, aliases.values())
    return await _hand_out(act, rows, rules, _Due(due, aliases, accounts, default_route, request))


async def _fitting(rows: Bulk, due: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """As many as one answer should hold, at least one: bodies may have many megabytes each. The rest stays due."""
    found = await rows.fetch(_SIZES, [row["activity_id"] for row in due])
    sizes = {row["id"]: row["size"] for row in found}
    totals = accumulate(sizes[row["activity_id"]] for row in due)
    return due[: max(1, sum(total <= _LARGEST_ANSWER for total in totals))]


@dataclass(frozen=True, slots=True)
class _Due:
    """What falls due; mail without an alias is the system's own."""

    rows: Sequence[asyncpg.Record]
    aliases: Mapping[int | None, AliasRow]
    accounts: Accounts
    default_route: Route | None
    request: ClaimRequest


async def _paused_aliases(act: Act, paused: set[str]) -> list[int]:
    """A pause belongs to an access: once the alias has another one, it holds no longer."""
    named = access.aliases_among(paused)
    if not named:
        return []
    found = (await _aliases(act, set(named))).values()
    accounts = await mailbox_access.accounts_of(act.session, found)
    return [row.id for row in found if row.id is not None and access.key_of(act.vault, row, accounts) in paused]


async def _aliases(act: Act, ids: set[int]) -> dict[int | None, AliasRow]:
    query = select(AliasRow).where(col(AliasRow.id) == instances.ids(sorted(ids)))
    return {row.id or 0: row for row in await act.session.exec(query)}


async def _hand_out(act: Act, rows: Bulk, rules: Rules, due: _Due) -> ClaimAnswer:
    before = await recording.states(rows, due.rows)
    routes, trouble = _routes(act, due)
    claimed: dict[int, State] = {}
    unsendable: list[State] = []
    for row in due.rows:
        state, alias_id = before[row["activity_id"]], row["alias_id"]
        if alias_id in trouble:
            unsendable.append(_put_off(state, rules, trouble[alias_id][1]))
        elif alias_id not in routes:
            unsendable.append(fail(state, access.no_default_server(alias_id)))
        else:
            claim_id = claim_ids.make(act.vault, state.activity_id)
            claimed[state.activity_id] = _addressed(state, due.aliases.get(alias_id), claim_id, rules)
    await recording.write(rows, before, unsendable, act.now)
    await troubles.begin(rows, trouble, act.now)
    finished = [fail(state, "nobody is left to send to") for state in claimed.values() if not _pending(state)]
    await recording.write(rows, before, finished, act.now)
    handed = {id_: state for id_, state in claimed.items() if _pending(state)}
    await _write_claims(rows, handed, due.request)
    await recording.write_recipients(rows, _changed(before, handed))
    chosen = {row["activity_id"]: (due.aliases.get(row["alias_id"]), row["automatic"]) for row in due.rows}
    messages = await handing_out.messages(rows, act.vault, handed, {id_: chosen[id_] for id_ in handed}, routes)
    used = {message.route for message in messages}
    return ClaimAnswer(claims=messages, routes={one.key: one.access for one in routes.values() if one.key in used})


def _routes(act: Act, due: _Due) -> tuple[dict[int | None, Route], dict[int, tuple[str, str | None]]]:
    """By alias; and what trouble keeps an alias from being sent for. In neither: deleted, and no default server."""
    routes: dict[int | None, Route] = {} if due.default_route is None else {None: due.default_route}
    trouble: dict[int, tuple[str, str | None]] = {}
    for id_, alias in due.aliases.items():
        assert id_ is not None
        if alias.deleted_at is not None:
            if due.default_route is not None:
                routes[id_] = due.default_route
            continue
        try:
            routes[id_] = access.of_alias(act.vault, alias, due.accounts)
        except (CannotOpen, Conflict, Transient) as problem:
            trouble[id_] = (problem.code, problem.detail)
    return routes, trouble


def _put_off(state: State, rules: Rules, told: str | None) -> State:
    return replace(state, next_attempt_at=rules.now + timedelta(seconds=WAITING_SECONDS), last_error=told)


def _addressed(state: State, alias: AliasRow | None, claim_id: str, rules: Rules) -> State:
    recipients = addressing.address(
        state.recipients,
        send_mail_to=alias.send_mail_to if alias is not None else None,
        automatic_bcc=alias.automatic_bcc if alias is not None else None,
    )
    return replace(
        state,
        recipients=tuple(recipients),
        claim_id=claim_id,
        claim_expires_at=rules.now + timedelta(seconds=rules.claim_seconds),
    )


def _pending(state: State) -> bool:
    return any(one.status == "queued" for one in state.recipients)


def _changed(before: Mapping[int, State], after: Mapping[int, State]) -> list[tuple[int, addressing.Recipient]]:
    return [
        (id_, one)
        for id_, state in after.items()
        if state.recipients != before[id_].recipients
        for one in set(state.recipients) - set(before[id_].recipients)
    ]


async def _write_claims(rows: Bulk, claimed: Mapping[int, State], request: ClaimRequest) -> None:
    await rows.execute(
        "UPDATE deliveries AS d SET claim_id = new.claim_id, claim_expires_at = new.expires_at,"
        " available_at = new.expires_at, claimed_by = $4"
        " FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) AS new (activity_id, claim_id, expires_at)"
        " WHERE d.activity_id = new.activity_id",
        list(claimed), [state.claim_id for state in claimed.values()],
        [state.claim_expires_at for state in claimed.values()], f"{request.instance}/{request.replica}",
    )  # fmt: skip
