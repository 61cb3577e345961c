"""`field=value` arguments become a request body; secrets are asked for and never stand on a command line."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ece_common.cli.remote import refuse
from ece_common.errors import Invalid

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

MAXIMUM_SECRET = 64 * 1024
SECRETS = frozenset({"password", "verify_password", "client_secret", "private_key", "authorization_code"})


def parsed(arguments: list[str]) -> dict[str, Any]:
    """`incoming.port=993` becomes {"incoming": {"port": "993"}}; the word null stands for null.

    The Config API turns text into numbers and truth values where a field wants them. Prints what is wrong and ends
    the command for an argument that is no field=value or that carries a secret.
    """
    body: dict[str, Any] = {}
    for argument in arguments:
        path, equals, value = argument.partition("=")
        if not equals or not path or not all(path.split(".")):
            refuse(Invalid.field(path or "argument", f"write it as field=value, not {argument!r}"))
        if path.rpartition(".")[2] in SECRETS:
            refuse(Invalid.field(path, "is asked for or read from a file; on a command line others could see it"))
        _put(body, path, None if value == "null" else value)
    return body


def _put(body: dict[str, Any], path: str, value: str | None) -> None:
    *parents, last = path.split(".")
    inner = body
    for parent in parents:
        inner = inner.setdefault(parent, {})
        if not isinstance(inner, dict):
            refuse(Invalid.field(path, f"{parent} is already given as a value"))
    inner[last] = value


def asked_password(question: str, file: Path | None = None) -> dict[str, str]:
    """`password` and `verify_password`: typed twice until both are equal (R79, R106), or the content of `file`."""
    if file is None:
        password: str = typer.prompt(question, hide_input=True, confirmation_prompt=f"Verify: {question}")
    else:
        password = content_of(file)
    return {"password": password, "verify_password": password}


def asked_secret(question: str, file: Path | None = None) -> str:
    """Typed or pasted once, without an echo; or the content of `file`."""
    if file is not None:
        return content_of(file)
    secret: str = typer.prompt(question, hide_input=True)
    return secret


def content_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            # the line end an editor leaves behind is no part of a password
            return opened.read(MAXIMUM_SECRET).decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as problem:
        refuse(Invalid.field(str(file), f"cannot be read as text: {problem}"))
