"""Which replica gets which alias: a pure decision on one picture of an instance, taken under its lock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace


@dataclass(frozen=True, slots=True)
class Tenure:
    """An alias and who holds it. `here`: under this instance; an alias that moved may still be held under another.

    `alive`: the holder was heard within the lease time. `member` is false for an alias that has left the instance.
    """

    alias_id: int
    holder: str | None
    member: bool = True
    here: bool = True
    alive: bool = True
    wanted_back: bool = False
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """The replica that is heard just now, the aliases it works on, and whether it says good-bye."""

    replica: str
    holding: frozenset[int]
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`freed` first, then `granted` (alias to replica), then `wanted_back`, which their holders shall let go of."""

    freed: dict[int, str]
    granted: dict[int, str]
    wanted_back: list[int]

    def __bool__(self) -> bool:
        return bool(self.freed or self.granted or self.wanted_back)


def plan(tenures: Sequence[Tenure], live: Iterable[str], beat: Beat, *, handover: bool) -> Plan:
    """`live` counts the beating replica unless it leaves. Without `handover` nobody who is silent loses anything."""
    replicas = sorted(set(live) - ({beat.replica} if beat.leaving else set()))
    freed = {
        tenure.alias_id: tenure.holder
        for tenure in tenures
        if tenure.holder is not None and _is_free(tenure, beat, handover=handover)
    }
    members = [tenure for tenure in tenures if tenure.member]
    loads = dict.fromkeys(replicas, 0)
    for tenure in members:
        if tenure.here and tenure.holder in loads and not tenure.wanted_back and tenure.alias_id not in freed:
            loads[tenure.holder] += 1
    vacant = [tenure.alias_id for tenure in members if tenure.holder is None or tenure.alias_id in freed]
    granted = _grants(vacant, loads, len(members))
    wanted_back = _excess(members, loads, freed)
    return Plan(freed, granted, wanted_back)


def _is_free(tenure: Tenure, beat: Beat, *, handover: bool) -> bool:
    if tenure.here and tenure.holder == beat.replica:
        given_back = tenure.wanted_back and tenure.alias_id not in beat.holding
        return beat.leaving or given_back
    return handover and not tenure.alive


def _grants(vacant: Sequence[int], loads: dict[str, int], members: int) -> dict[int, str]:
    """To whoever has least, up to the fair share. `loads` grows along."""
    if not loads:
        return {}
    share = -(-members // len(loads))
    granted: dict[int, str] = {}
    heap = [(load, replica) for replica, load in loads.items()]
    heapify(heap)
    for alias_id in vacant:
        load, replica = heap[0]
        if load >= share:
            break
        granted[alias_id] = replica
        loads[replica] = load + 1
        heapreplace(heap, (load + 1, replica))
    return granted


def _targets(loads: dict[str, int], members: int) -> dict[str, int]:
    """Shares that differ by one at most; the odd ones stay where most is already, so nothing moves needlessly."""
    floor, odd = divmod(members, len(loads))
    by_load = sorted(loads, key=lambda replica: (-loads[replica], replica))
    return {replica: floor + (1 if place < odd else 0) for place, replica in enumerate(by_load)}


def _excess(members: Sequence[Tenure], loads: dict[str, int], freed: dict[int, str]) -> list[int]:
    if not loads:
        return []
    targets = _targets(loads, len(members))
    surplus = Counter({replica: loads[replica] - targets[replica] for replica in loads})
    wanted: list[int] = []
    for tenure in reversed(members):
        holder = tenure.holder
        settled = tenure.here and not tenure.wanted_back and tenure.alias_id not in freed
        if holder is not None and settled and surplus[holder] > 0:
            surplus[holder] -= 1
            wanted.append(tenure.alias_id)
    return wanted
