"""What two texts have in common when case, accents, composition and the width of blanks do not count. Pure."""

import re
import unicodedata

_BLANKS = re.compile(r"\s+")


def fold(text: str) -> str:
    """Equal for texts that read the same to a delivery exception: `ABWESENHEIT  für` and `abwesenheit fur`."""
    lowered = text.lower() if text.isascii() else _without_accents(text)
    return _BLANKS.sub(" ", lowered)


def _without_accents(text: str) -> str:
    # Folded once more at the end: some letters fold only after their marks are gone.
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()
