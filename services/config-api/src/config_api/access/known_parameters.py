"""A query parameter that an operation does not know is refused: `?stattus=new` would otherwise list everything."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from config_api.access.callers import AnyCaller
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Invalid


async def only_known_parameters(request: Request, _caller: AnyCaller) -> None:
    """For every operation that wants a token; who has none hears that first."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute):
        return
    known = sorted(set(_query_parameters(route.dependant)))
    right = f"this operation knows {', '.join(known)}" if known else "this operation takes none"
    found = [
        FieldProblem(field=f"query.{name[:100]}", problem=f"is not a known parameter; {right}")
        for name in sorted(set(request.query_params))
        if name not in known
    ]
    if found:
        raise Invalid("; ".join(f"{one.field}: {one.problem}" for one in found)[:2000], errors=found[:100])


def _query_parameters(needed: Dependant) -> Iterator[str]:
    yield from (field.alias for field in needed.query_params)
    for deeper in needed.dependencies:
        yield from _query_parameters(deeper)
