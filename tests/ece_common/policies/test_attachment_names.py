"""Every extension a file name shows or hides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ece_common.policies.attachment_names import LOOKED_AT, extensions, normalized


@pytest.mark.rule(213)
@pytest.mark.parametrize("written", [".exe", "exe", ".EXE", "*.exe", " .exe ", ".\uff45xe", ".e\u200bxe"])
def test_an_extension_is_compared_without_its_dot_and_case(written: str) -> None:
    assert normalized(written) == "exe"


@pytest.mark.parametrize(
    "name",
    [
        "virus.exe",
        "VIRUS.EXE",
        "invoice.pdf.exe",
        "virus.exe.",
        "virus.exe . ",
        "virus.exe/",
        "folder\\virus.exe",
        "virus.exe::$DATA",
        "virus.exe:stream",
        "virus.exe\x00.pdf",
        "virus.exe\n.pdf",
        "virus.exe;.pdf",
        'virus.exe".pdf',
        "virus.exe          .pdf",
        "virus.exe .pdf",
        "virus.exe\u3000\u3000\u3000.pdf",
        "virus%2eexe",
        "virus.exe%00.pdf",
        "virus\uff0eexe",
        "virus\u3002exe",
        "virus\u2024exe",
        "virus.\uff45\uff58\uff45",
        "virus.e\u200bxe",
        "virus.ex\u00ade",
        "invoice\u202efdp.exe",
        "virus.\u0435\u0445\u0435",
        ".exe",
        "a" * 2 * LOOKED_AT + ".exe",
    ],
)
def test_a_program_is_known_however_its_name_is_dressed(name: str) -> None:
    assert "exe" in extensions(name)


@pytest.mark.parametrize(
    ("name", "inner"),
    [("invoice.exe.pdf", "exe"), ("order from amazon.com.pdf", "com"), ("www.example.com/report.pdf", "com")],
)
def test_what_stands_before_the_last_extension_does_not_count_alone(name: str, inner: str) -> None:
    assert extensions(name)[0] == "pdf"
    assert inner not in extensions(name)


def test_two_extensions_together_can_be_named_too() -> None:
    assert extensions("backup.tar.gz") == ["gz", "tar.gz"]


@pytest.mark.parametrize("name", ["", ".", "...", "noextension", "/", "\x00"])
def test_a_name_without_an_extension_has_none(name: str) -> None:
    assert extensions(name) == []


@given(st.text(max_size=3000))
def test_any_name_is_judged_and_no_extension_is_long_or_empty(name: str) -> None:
    for extension in extensions(name):
        assert 0 < len(extension) <= 129
        assert "exe" in extensions(f"{name[:20]}.exe".replace("\\", "").replace("/", ""))
