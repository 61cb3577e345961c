"""Files that come from the service: saved beside what is there, and never shown on a terminal."""

import base64
import mimetypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ece_common.cli.fields import bytes_of
from ece_common.cli.output import safe, say
from ece_common.cli.remote import misused
from ece_common.errors import Invalid

Target = Annotated[
    Path | None, typer.Argument(help="The file to write, a new one; - for a pipe. Left out: named after it, here.")
]
_PIPE = "-"
_LONGEST_NAME = 200


def saved(fetch: Callable[[], bytes], file: Path) -> None:
    """Write what `fetch` gives into a new file that only its owner reads; `-` is a pipe.

    Whether it can be written is looked at first: a download may be audited, and should not be for nothing.
    """
    if str(file) == _PIPE:
        if sys.stdout.isatty():
            misused(Invalid.field("file", "- is for a pipe: what is in the file could take a terminal over"))
        sys.stdout.buffer.write(fetch())
        sys.stdout.buffer.flush()
        return
    try:
        # O_EXCL follows no link and replaces nothing.
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        _unwritable(file, problem)
    try:
        with os.fdopen(handle, "wb") as opened:
            size = opened.write(fetch())
    except OSError as problem:
        file.unlink(missing_ok=True)
        _unwritable(file, problem)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    say(f"{size} bytes are saved as {file}.")


def _unwritable(file: Path, problem: OSError) -> NoReturn:
    if isinstance(problem, FileExistsError):
        misused(Invalid.field("file", f"{file} is there already and is not replaced: name another file"))
    misused(Invalid.field("file", f"{file} cannot be written: {problem.strerror}"))


def harmless(name: str, otherwise: str) -> Path:
    """A stranger's file name as one in the current folder: no path, nothing hidden, no option, all printable."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(one if one == safe(one) and one != "\n" else "_" for one in last).strip().lstrip(".-")
    return Path(kept.encode()[:_LONGEST_NAME].decode(errors="ignore") or otherwise)


def attached(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Files as a message takes them, with the media type that their names suggest."""
    return [
        {
            "name": file.name,
            "content_type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
            "content_base64": base64.b64encode(bytes_of(file)).decode(),
        }
        for file in files
    ]
