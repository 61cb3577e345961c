"""A service that answers anything: it remembers what it was asked, and says what a test put into it."""

from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from typer.testing import CliRunner, Result

from ece_common.cli.main import app
from ece_common.cli.remote import Remote
from ece_common.connection import Connection


class Asked:
    """`answers`: what every path answers, unless it is in `by_path`, as JSON or as a file's bytes."""

    def __init__(self, **answers: Any) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.answers: dict[str, Any] = answers
        self.refusal: int | None = None
        self.by_path: dict[str, dict[str, Any] | bytes] = {}

    def api(self) -> FastAPI:
        api = FastAPI()

        @api.api_route("/v1/{path:path}", methods=["GET", "POST", "PATCH", "DELETE"])
        async def answered(path: str, request: Request) -> Response:
            content = await request.body()
            body = (
                (await request.json() if "json" in request.headers["content-type"] else content) if content else None
            )
            self.requests.append((request.method, path, body))
            self.headers.append(dict(request.headers))
            self.queries.append(dict(request.query_params))
            if self.refusal is not None:
                return Response(status_code=self.refusal)
            answer = self.by_path.get(path, self.answers)
            return Response(answer) if isinstance(answer, bytes) else JSONResponse(answer, headers={"ETag": '"3"'})

        return api

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.requests]

    def __call__(self, *arguments: str, typed: str = "") -> Result:
        """Run `ece` against it."""
        transport = httpx.ASGITransport(self.api())
        remote = Remote(lambda: Connection("http://127.0.0.1", "token", transport=transport))
        return CliRunner().invoke(app, arguments, input=typed, obj=remote)
