"""The parts of the benchmark that decide what is measured and what is shown."""

import json
from email import message_from_bytes
from statistics import mean

from bench import machine
from bench.corpus import MIX, corpus
from bench.figures import Benchmark, results, table

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
