"""`field=value` arguments become a request body; secrets are asked for and never stand on a command line."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError

from ece_common.cli.field_help import FieldOf, fields_of
from ece_common.cli.remote import misused
from ece_common.errors import Invalid

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
Given = Annotated[list[str], typer.Argument(help="field=value; the fields stand below.")]
MaybeGiven = Annotated[list[str] | None, typer.Argument(help="field=value; the fields stand below.")]

_READERS: Mapping[str, TypeAdapter[Any]] = {
    "boolean": TypeAdapter(bool),
    "integer": TypeAdapter(int),
    "number": TypeAdapter(float),
}
"""How text is read, by what a field is."""
MAXIMUM_SECRET = 64 * 1024
MAXIMUM_TEXT = 64 * 1024 * 1024
SECRETS = frozenset(
    {"password", "verify_password", "default_smtp_password", "client_secret", "private_key", "authorization_code"}
)


def parsed(arguments: list[str], contract: type[BaseModel] | None = None) -> dict[str, Any]:
    """`incoming.port=993` becomes {"incoming": {"port": 993}}; the word null stands for null.

    Text is read as the number, truth value or list that `contract` has there, values of a list being separated by
    commas or semicolons; what cannot be read so is sent as it is, and refused by name. Prints what is wrong and ends
    the command for an argument that is no field=value or that carries a secret.
    """
    fields = {field.name: field for field in fields_of(contract)} if contract is not None else {}
    body: dict[str, Any] = {}
    for argument in arguments:
        path, equals, value = argument.partition("=")
        if not equals or not path or not all(path.split(".")):
            misused(Invalid.field(path or "argument", f"write it as field=value, not {argument!r}"))
        if path.rpartition(".")[2] in SECRETS and value != "null":
            misused(Invalid.field(path, "is asked for or read from a file; on a command line others could see it"))
        _put(body, path, _read(value, fields.get(path)))
    return body


def _read(value: str, field: FieldOf | None) -> object:
    if value == "null":
        return None
    if field is None:
        return value
    reader = _READERS.get(field.kind)
    return [_read_as(one, reader) for one in _listed(value)] if field.is_list else _read_as(value, reader)


def _read_as(value: str, reader: TypeAdapter[Any] | None) -> object:
    try:
        return value if reader is None else reader.validate_python(value)
    except ValidationError:
        return value


def _listed(value: str) -> list[str]:
    # A semicolon where there is one: an address may hold a comma.
    mark = ";" if ";" in value else ","
    return [part.strip() for part in value.split(mark) if part.strip()]


def _put(body: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    inner = body
    for parent in parents:
        inner = inner.setdefault(parent, {})
        if not isinstance(inner, dict):
            misused(Invalid.field(path, f"{parent} is already given as a value"))
    inner[last] = value


def some(body: dict[str, Any], besides: str = "") -> dict[str, Any]:
    """`body`, unless it would change nothing."""
    if not body:
        misused(Invalid.field("fields", f"name at least one as field=value{besides}"))
    return body


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
    """A secret or another short text. The line end an editor leaves behind is no part of a password."""
    return _decoded(str(file), bytes_of(file, MAXIMUM_SECRET)).removesuffix("\n").removesuffix("\r")


def text_of(text: str | None, file: Path | None, what: str) -> str:
    """`text`, or the content of `file`, or what is typed or piped in until its end."""
    if text is not None and file is not None:
        misused(Invalid.field("file", "give the text itself or a file with it, not both"))
    if text is not None:
        return text
    if file is not None:
        return _decoded(str(file), bytes_of(file))
    if sys.stdin.isatty():
        sys.stderr.write(f"{what}; end with Ctrl-D on a line of its own:\n")
    try:
        return sys.stdin.read(MAXIMUM_TEXT)
    except UnicodeDecodeError as problem:
        misused(Invalid.field("standard input", f"cannot be read as text: {problem}"))


def bytes_of(file: Path, most: int = MAXIMUM_TEXT) -> bytes:
    """Prints why and ends the command for a file that cannot be read, or that is larger than `most`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as problem:
        misused(Invalid.field(str(file), f"cannot be read: {problem.strerror}"))
    if len(content) > most:
        misused(Invalid.field(str(file), f"must have at most {most} bytes"))
    return content


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        misused(Invalid.field(name, f"cannot be read as text: {problem}"))
