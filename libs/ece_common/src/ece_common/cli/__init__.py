"""`ece`, the administrators' command line."""

from importlib.util import find_spec

if find_spec("typer") is None:
    raise SystemExit("ece needs the extra `cli`: pip install 'ece-common[cli]'")
