"""What the service says of operations and tables is said with commands and words."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ece_common.cli.wording import referring, spoken
from ece_common.contracts.base import Reference

IN_USE = "still_referenced"
ECE = str(Path(sys.executable).with_name("ece"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Set the password again (PATCH the alias); it takes effect.", "`ece aliases set`"),
        ("follows its delivery; use /delivery/retry or /delivery/cancel", "`ece activities cancel`"),
        (
            "attachment 1 is quarantined: restore it under /blocked-attachments first",
            "`ece quarantine restore` first",
        ),
        ("start one (GET /v1/retriever-instances shows them)", "(`ece instances list` shows them)"),
        ("department 'x' is still in use by: masking_channel", "in use by: masking channel"),
    ],
)
def test_an_operation_is_told_as_a_command(said: str, told: str) -> None:
    assert told in spoken(said, ["masking_channel"])


@pytest.mark.parametrize(
    ("reference", "code", "told"),
    [
        (("masking_channel", 0, "the channel"), IN_USE, "still used by the masking channel of the partition"),
        (("masking_channel", 3, "Shop"), IN_USE, "still used by the masking channel of department 3, Shop"),
        (("retriever_instance", 1, "blue"), "alias_in_other_instance", "see retriever instance 1: blue"),
        (("alias", 4, "4"), IN_USE, "still used by alias 4"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_named_in_words(reference: tuple[str, int, str], code: str, told: str) -> None:
    kind, identity, name = reference

    assert referring(Reference(type=kind, id=identity, name=name), code).startswith(told)


def _help_into(output: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ECE, "--help"], stdout=output, stderr=subprocess.PIPE, text=True, timeout=30, check=False, env={}
    )


def test_a_reader_that_has_gone_and_a_disk_that_is_full_are_no_tracebacks() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    gone = _help_into(writing)
    os.close(writing)
    assert (gone.returncode, gone.stderr) == (1, "")

    with Path("/dev/full").open("wb") as full:
        done = _help_into(full.fileno())
    assert done.returncode == 1
    assert os.strerror(errno.ENOSPC) in done.stderr
    assert "Traceback" not in done.stderr
