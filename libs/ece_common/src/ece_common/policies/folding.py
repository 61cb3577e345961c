"""What two texts have in common when case, accents, composition and the width of blanks do not count. Pure."""

import re
import unicodedata

_BLANKS = re.compile(r"\s+")
_NO_ACCENTS = "\u3099\u309a"
"""Marks that make another letter: Japanese ga and ka differ by one."""


def fold(text: str) -> str:
    """Equal for texts that read the same to a delivery exception: `ABWESENHEIT  für` and `abwesenheit fur`."""
    lowered = text.lower() if text.isascii() else _without_accents(text)
    return _BLANKS.sub(" ", lowered)


def _without_accents(text: str) -> str:
    """Composed again at the end, so that a Korean syllable is no piece of a longer one.

    Folded once more, too: some letters fold only after their marks are gone.
    """
    decomposed = unicodedata.normalize("NFD", text.casefold())
    plain = "".join(mark for mark in decomposed if mark in _NO_ACCENTS or not unicodedata.combining(mark))
    return unicodedata.normalize("NFC", plain).casefold()
