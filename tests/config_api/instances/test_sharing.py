"""Who gets which alias: the pure decision, on pictures drawn by hand and at random."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from config_api.instances.sharing import Beat, Plan, Tenure, plan


def free(*alias_ids: int) -> list[Tenure]:
    return [Tenure(alias_id, None) for alias_id in alias_ids]


def held(holder: str, *alias_ids: int, alive: bool = True, wanted_back: bool = False) -> list[Tenure]:
    return [Tenure(alias_id, holder, alive=alive, wanted_back=wanted_back) for alias_id in alias_ids]


def beat(replica: str, *holding: int, leaving: bool = False) -> Beat:
    return Beat(replica, frozenset(holding), leaving)


def test_the_only_replica_gets_everything() -> None:
    assert plan(free(1, 2, 3), ["a"], beat("a"), handover=True) == Plan({}, {1: "a", 2: "a", 3: "a"}, [])


def test_free_aliases_go_to_whoever_has_least_up_to_the_fair_share() -> None:
    found = plan([*held("a", 1, 2), *free(3, 4, 5)], ["a", "b"], beat("b"), handover=True)
    assert Counter(found.granted.values()) == {"b": 2, "a": 1}


def test_a_joining_replica_is_given_its_share_only_after_the_other_let_go() -> None:
    full = held("a", 1, 2, 3, 4)
    assert plan(full, ["a", "b"], beat("b"), handover=True) == Plan({}, {}, [4, 3])
    asked = [*held("a", 1, 2), *held("a", 3, 4, wanted_back=True)]
    assert not plan(asked, ["a", "b"], beat("a", 1, 2, 3, 4), handover=True)
    assert plan(asked, ["a", "b"], beat("a", 1, 2, 4), handover=True) == Plan({3: "a"}, {3: "b"}, [])


def test_a_replica_with_nothing_gets_one_although_nobody_is_above_the_rounded_up_share() -> None:
    picture = [*held("a", 1, 2), *held("b", 3, 4)]
    assert len(plan(picture, ["a", "b", "c"], beat("c"), handover=True).wanted_back) == 1


def test_shares_that_differ_by_one_stay_as_they_are() -> None:
    assert not plan([*held("a", 1), *held("b", 2, 3)], ["a", "b"], beat("a", 1), handover=True)


def test_who_says_good_bye_gives_all_back_at_once() -> None:
    picture = [*held("a", 1, 2), *held("b", 3)]
    found = plan(picture, ["a", "b"], beat("a", 1, 2, leaving=True), handover=True)
    assert found == Plan({1: "a", 2: "a"}, {1: "b", 2: "b"}, [])


def test_the_aliases_of_a_silent_replica_are_handed_over_unless_everybody_was_silent() -> None:
    picture = [*held("a", 1, alive=False), *held("b", 2)]
    assert plan(picture, ["b"], beat("b", 2), handover=True) == Plan({1: "a"}, {1: "b"}, [])
    assert not plan(picture, ["b"], beat("b", 2), handover=False)


def test_an_alias_that_left_the_instance_is_taken_back_and_given_to_nobody() -> None:
    gone = Tenure(1, "a", member=False, wanted_back=True)
    assert plan([gone], ["a"], beat("a"), handover=True) == Plan({1: "a"}, {}, [])
    assert not plan([gone], ["a"], beat("a", 1), handover=True)


def test_an_alias_still_held_under_another_instance_has_to_be_let_go_there_first() -> None:
    assert not plan([Tenure(1, "a", here=False, wanted_back=True)], ["a"], beat("a"), handover=True)
    dead = Tenure(1, "a", here=False, alive=False)
    assert plan([dead], ["b"], beat("b"), handover=True) == Plan({1: "a"}, {1: "b"}, [])


NAMES = st.sampled_from(["a", "b", "c", "d"])


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[Tenure], list[str], Beat]:
    live = sorted(draw(st.sets(NAMES, min_size=1)))
    me = draw(st.sampled_from(live))
    holders = draw(st.lists(st.none() | NAMES, max_size=30))
    tenures = [
        Tenure(number, holder, alive=holder in live, wanted_back=holder is not None and draw(st.booleans()))
        for number, holder in enumerate(holders, start=1)
    ]
    holding = frozenset(one.alias_id for one in tenures if one.holder == me and draw(st.booleans()))
    return tenures, live, Beat(me, holding, draw(st.booleans()))


def carried_out(tenures: list[Tenure], found: Plan) -> list[Tenure]:
    after: list[Tenure] = []
    for one in tenures:
        holder = found.granted.get(one.alias_id, None if one.alias_id in found.freed else one.holder)
        moved = one.alias_id in found.freed or one.alias_id in found.granted
        wanted = one.alias_id in found.wanted_back or (one.wanted_back and not moved)
        after.append(Tenure(one.alias_id, holder, wanted_back=wanted))
    return after


@settings(max_examples=200, deadline=None)
@given(pictures())
def test_nobody_loses_what_they_work_on_and_all_end_with_fair_shares(
    drawn: tuple[list[Tenure], list[str], Beat],
) -> None:
    tenures, live, heard = drawn
    found = plan(tenures, live, heard, handover=True)
    for one in tenures:
        if one.holder in live and one.holder != heard.replica:
            assert one.alias_id not in found.freed
        if one.alias_id in found.granted:
            assert one.holder is None or one.alias_id in found.freed

    staying = [name for name in live if not (heard.leaving and name == heard.replica)]
    picture = carried_out(tenures, found)
    for _ in range(3):
        for name in staying:
            ours = frozenset(one.alias_id for one in picture if one.holder == name and not one.wanted_back)
            picture = carried_out(picture, plan(picture, staying, Beat(name, ours), handover=True))
    if staying:
        loads = Counter(one.holder for one in picture)
        assert None not in loads
        assert max((loads[name] for name in staying), default=0) - min(loads[name] for name in staying) <= 1
        assert not any(one.wanted_back for one in picture)
