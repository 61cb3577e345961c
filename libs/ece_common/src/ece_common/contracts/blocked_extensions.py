"""Blocked file extensions: kinds of files that a department lets nobody send it (guide chapter 5)."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from ece_common.contracts import policy_examples, policy_words
from ece_common.contracts.base import Name, Note, Sent, Strict

_FORBIDDEN = re.compile(r'[\x00-\x20\x7f/\\:*?"<>|]')


def extension(value: str) -> str:
    """`exe`, `.EXE` and `*.exe` are `.exe`. Raise ValueError for what no file name ends in."""
    bare = value.strip().removeprefix("*").lstrip(".").casefold()
    if not bare:
        raise ValueError("must name an extension, such as .exe")
    if _FORBIDDEN.search(bare):
        raise ValueError("must be an extension alone, such as .exe: no path, blank or wildcard")
    if bare.endswith("."):
        raise ValueError("must not end in a dot")
    return f".{bare}"


Extension = Annotated[str, StringConstraints(max_length=64), AfterValidator(extension)]


class NewBlockedExtension(Strict, words=policy_words.BLOCKED_EXTENSION):
    model_config = policy_examples.NEW_BLOCKED_EXTENSION

    name: Name
    description: Note = ""
    blocked_file_extension: Extension


class BlockedExtensionChange(Strict, words=policy_words.BLOCKED_EXTENSION):
    """RFC 7396 merge patch."""

    model_config = policy_examples.BLOCKED_EXTENSION_CHANGE

    name: Name | None = None
    description: Note | None = None
    blocked_file_extension: Extension | None = None


class BlockedExtension(Sent, words=policy_words.BLOCKED_EXTENSION):
    model_config = policy_examples.BLOCKED_EXTENSION

    id: int
    department_id: int
    name: str
    description: str
    blocked_file_extension: str
    created_at: datetime
    updated_at: datetime
