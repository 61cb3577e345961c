"""A replica says that it lives: one transaction records it and settles who works on what."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api import database
from config_api.acting import Act
from config_api.instances import handing, repository, sharing
from config_api.instances.sharing import Beat, Tenure
from config_api.instances.tables import InstanceRow, ReplicaRow
from ece_common.contracts.base import ServiceKind
from ece_common.contracts.instances import Heartbeat, HeartbeatAnswer, Holding
from ece_common.errors import Conflict

BEATS_PER_LEASE = 3
REMEMBERED = 50
"""So many earlier processes of one name are known as such."""
_FORGET_AFTER = timedelta(hours=1)
_SOON = 0.02

_FORGET_DEAD = text("DELETE FROM replicas WHERE instance_id = :instance AND expires_at < :before")


@dataclass(frozen=True, slots=True)
class Moment:
    """Postgres's time, under the instance's lock, and how long a lease lasts."""

    now: datetime
    lease: timedelta

    @property
    def expiry(self) -> datetime:
        return self.now + self.lease


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease lasts, and who counts the aliases that pass from one holder to the next."""

    lease_seconds: float
    handed_over: Callable[[int], None]


async def beat(
    act: Act, kind: ServiceKind, name: str, replica: str, heard: Heartbeat, *, terms: Terms
) -> HeartbeatAnswer:
    """Raise `Conflict` (`replica_superseded`) for a process whose name a newer one has taken."""
    act.caller.may_work_for(kind, name)
    instance_id, _ = await repository.named(act.session, kind, name)
    await repository.lock(act.session, instance_id)
    moment = Moment(await repository.database_time(act.session), timedelta(seconds=terms.lease_seconds))
    instance = await repository.get(act.session, kind, instance_id)
    replicas = {row.name: row for row in await repository.replicas_of(act.session, [instance_id])}
    known = replicas.get(replica)
    if known is not None and heard.incarnation in known.superseded:
        return _farewell(replica, heard, moment)
    took_over = known is not None and known.incarnation != heard.incarnation
    replicas[replica] = await _register(act.session, instance_id, replica, known, heard, moment=moment)
    handover = _note_beat(instance, moment)
    act.session.add(instance)
    await act.session.flush()
    if kind == "dispatcher":
        return _answer(heard, moment, [], moment.lease.total_seconds())
    if took_over:
        await handing.take_over(act.session, instance_id, replica, moment.now)
    live = [row.name for row in replicas.values() if row.expires_at > moment.now]
    heard_as = Beat(replica, frozenset(one.alias_id for one in heard.holding), heard.leaving)
    tenures = await handing.picture(act.session, instance_id, moment.now)
    wanted = sharing.plan(tenures, live, heard_as, handover=handover)
    if wanted:
        await handing.carry_out(act.session, instance_id, wanted, moment.now)
        terms.handed_over(len(wanted.granted.keys() & {one.alias_id for one in tenures if one.epoch}))
        tenures = await handing.picture(act.session, instance_id, moment.now)
    if wanted or took_over:
        await repository.grow_versions(act.session, col(InstanceRow.id) == instance_id)
    leases = _held(tenures, replica)
    return _answer(heard, moment, leases, _until_next(replicas, replica, moment))


def _farewell(replica: str, heard: Heartbeat, moment: Moment) -> HeartbeatAnswer:
    """Good-bye said twice does no harm; anything else from a former process is refused."""
    if not heard.leaving:
        raise Conflict(
            f"a newer process calls itself {replica!r}, or this one said good-bye: stop, or take another name",
            code="replica_superseded",
        )
    return _answer(heard, moment, [], moment.lease.total_seconds())


async def _register(
    session: AsyncSession, instance_id: int, name: str, known: ReplicaRow | None, heard: Heartbeat, *, moment: Moment
) -> ReplicaRow:
    now = moment.now
    row = known or ReplicaRow(
        instance_id=instance_id, name=name, incarnation=heard.incarnation, started_at=now, last_beat_at=now,
        expires_at=now,
    )  # fmt: skip
    if known is None:
        forgotten = {"instance": instance_id, "before": now - _FORGET_AFTER}
        await database.run(session, _FORGET_DEAD, forgotten)
    elif known.incarnation != heard.incarnation:
        row.superseded = [*row.superseded, known.incarnation][-REMEMBERED:]
        row.incarnation, row.started_at = heard.incarnation, now
    if heard.leaving:
        row.superseded = [*row.superseded, heard.incarnation][-REMEMBERED:]
    row.counters = dict(heard.counters)
    row.last_beat_at, row.expires_at = now, now if heard.leaving else moment.expiry
    session.add(row)
    return row


def _note_beat(instance: InstanceRow, moment: Moment) -> bool:
    """Whether leases of silent replicas may be handed over.

    When nobody was heard for half a lease, it was we who were away: they all get one lease time to be heard again.
    """
    before = instance.last_beat_at
    if before is not None and moment.now - before > moment.lease / 2:
        instance.no_handover_until = moment.expiry
    instance.last_beat_at = moment.now
    return instance.no_handover_until is None or instance.no_handover_until <= moment.now


def _held(tenures: Sequence[Tenure], replica: str) -> list[Holding]:
    return [
        Holding(alias_id=one.alias_id, epoch=one.epoch)
        for one in tenures
        if one.here and one.holder == replica and not one.wanted_back
    ]


def _until_next(replicas: dict[str, ReplicaRow], own: str, moment: Moment) -> float:
    """A third of a lease, or when the first of the others runs out: what it held goes on within its lease time."""
    expiries = [
        (row.expires_at - moment.now).total_seconds()
        for row in replicas.values()
        if row.name != own and row.expires_at > moment.now
    ]
    regular = moment.lease.total_seconds() / BEATS_PER_LEASE
    return max(_SOON, min([regular, *(left + _SOON for left in expiries)]))


def _answer(heard: Heartbeat, moment: Moment, leases: list[Holding], beat_after: float) -> HeartbeatAnswer:
    lease_seconds = moment.lease.total_seconds()
    return HeartbeatAnswer(
        lease_seconds=lease_seconds,
        lease_expires_at=None if heard.leaving else moment.expiry,
        beat_after_seconds=min(beat_after, lease_seconds / BEATS_PER_LEASE),
        leases=leases,
    )
