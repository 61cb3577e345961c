"""The parts of the benchmark that decide what is measured and what is shown."""

import json
from email import message_from_bytes
from statistics import mean

import pytest

from bench import machine
from bench.corpus import MIX, corpus
from bench.figures import Benchmark, results, table
from bench.patience import STANDSTILL, Run, wait_until_over

IMAP = Benchmark("inbound_imap", "msg/s", [300.0, 900.0, 600.0], {"getmail6": [150.0, 140.0, 160.0]})


def test_the_mails_are_the_same_in_every_run() -> None:
    assert corpus(50) == corpus(50)
    assert corpus(50, seed=1) != corpus(50)


def test_the_mails_are_of_ten_kilobytes_on_average_and_of_every_kind() -> None:
    mails = corpus(1000)
    assert 9_000 < mean(map(len, mails)) < 11_000
    assert sum(share.weight for share in MIX) == 100
    kinds = {message_from_bytes(mail).get_content_type() for mail in mails}
    assert kinds == {
        "text/plain",
        "text/html",
        "multipart/alternative",
        "multipart/mixed",
        "multipart/related",
        "multipart/report",
    }


def test_a_figure_is_the_median_of_its_runs_and_a_ratio_that_of_the_medians() -> None:
    assert IMAP.as_json()["ours"] == 600
    assert IMAP.as_json()["runs"] == {"ours": [300, 900, 600], "getmail6": [150, 140, 160]}
    assert IMAP.ratio("getmail6") == 4


def test_the_table_shows_each_peer_with_its_ratio_and_runs() -> None:
    idle = Benchmark("idle_overhead_ms", "ms", [7.0] * 8)
    lines = table([IMAP, idle]).splitlines()
    assert lines[1].split() == ["inbound_imap", "ours", "600.0", "300.0", "900.0", "600.0"]
    assert lines[2].split() == ["getmail6", "150.0", "4.00", "150.0", "140.0", "160.0"]
    assert lines[3].endswith("...")


def test_the_results_name_the_machine_and_are_json() -> None:
    found = results([IMAP], machine.describe("18.4"), {"mails": 2000})
    assert json.loads(json.dumps(found)) == found
    assert set(found["machine"]) == {"cpu", "cores", "memory_mib", "kernel", "python", "postgres"}
    assert found["benchmarks"][0]["peers"] == {"getmail6": 150.0}


class Clock:
    """Time passes while somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        self.time += seconds


def test_a_run_that_goes_on_is_waited_for_however_long_it_takes() -> None:
    clock = Clock()
    left = [int(20 * STANDSTILL)]

    def remaining() -> int:
        left[0] -= 1
        return left[0]

    wait_until_over(Run(lambda: left[0] <= 0, remaining, list, 0.5, clock.now, clock.pause))
    assert clock.time > STANDSTILL


def test_a_run_that_stands_still_is_given_up_after_half_a_minute() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError, match="7 mails to go"):
        wait_until_over(Run(lambda: False, lambda: 7, list, 0.5, clock.now, clock.pause))
    assert clock.time < STANDSTILL + 5


def test_a_service_that_ends_during_a_run_is_noticed_at_once() -> None:
    clock = Clock()
    with pytest.raises(RuntimeError, match="retriever ended, with 7 mails to go"):
        wait_until_over(Run(lambda: False, lambda: 7, lambda: ["retriever"], 0.5, clock.now, clock.pause))
    assert clock.time < 3
