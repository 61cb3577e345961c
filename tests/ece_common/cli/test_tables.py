"""A table on a terminal is as wide as the terminal; in a pipe it is as wide as what is in it."""

import pytest
from rich.cells import cell_len

from ece_common.cli import tables

QUARANTINE = ("id", "activity_id", "n", "direction", "name", "size", "path", "reason", "blocked_at")
BLOCKED = {
    "id": "17", "activity_id": "4711", "n": "1", "direction": "inbound", "name": "invoice for november.pdf.exe",
    "size": "1048576", "path": "winmail.dat > archive.zip > invoice for november.pdf.exe",
    "reason": "`.exe` is blocked in this department and the content is a program for Windows",
    "blocked_at": "2026-11-28 14:05:17Z",
}  # fmt: skip


@pytest.mark.parametrize("width", [30, 60, 80, 100, 132, 300])
def test_a_table_is_never_wider_than_the_terminal(width: int) -> None:
    fitted = tables.fitted([BLOCKED], QUARANTINE, width)

    assert sum(fitted.widths.values()) + 2 * (len(fitted.widths) - 1) <= width
    assert sorted([*fitted.widths, *fitted.left_out]) == sorted(QUARANTINE)


def test_all_columns_stand_at_full_width_where_there_is_room() -> None:
    fitted = tables.fitted([BLOCKED], QUARANTINE, 300)

    assert fitted.left_out == []
    assert fitted.widths["reason"] == len(BLOCKED["reason"])


def test_what_it_is_and_why_stay_when_others_have_to_go() -> None:
    fitted = tables.fitted([BLOCKED], QUARANTINE, 50)

    assert {"id", "name", "reason"} <= set(fitted.widths)
    assert "n" in fitted.left_out


def test_an_empty_column_goes_before_one_that_says_something() -> None:
    row = {
        "id": "1",
        "name": "Support",
        "status": "active",
        "status_reason": "",
        "email_address": "support@shop.test",
    }

    fitted = tables.fitted([row], ("id", "name", "status", "status_reason", "email_address"), 40)

    assert fitted.left_out == ["status_reason"]


def test_a_long_name_is_shortened_and_a_reason_is_not() -> None:
    assert tables.shortened("x" * 100, "name", 10) == "x" * 39 + "\N{HORIZONTAL ELLIPSIS}"
    assert tables.shortened("x" * 100, "reason", 10) == "x" * 100


def test_a_moment_is_told_to_the_second() -> None:
    assert tables.brief("2026-11-28T14:05:17.009898Z") == "2026-11-28 14:05:17Z"
    assert tables.brief("2026-11-28 and so on") == "2026-11-28 and so on"


def test_in_a_pipe_every_row_is_one_whole_line() -> None:
    rows = [{"id": "1", "text": "two\nlines " + "x" * 500}, {"id": "22", "text": "\u5317\u4eac"}]

    head, rule, *lines = tables.plain(rows, ("id", "text"))

    assert head == "id  text"
    assert set(rule) == {"-"}
    assert lines == ["1   two lines " + "x" * 500, "22  \u5317\u4eac"]
    assert cell_len(rule) == 4 + len("two lines ") + 500
