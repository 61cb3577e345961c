"""A small OpenID provider over TLS, for what a test wants to decide itself: errors, outages, counts, rotation."""

import asyncio
import base64
import hashlib
import json
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.rig.certificates import Certificate
from tests.rig.tcp_server import TcpServer

CLIENT = "mail-gateway"
SECRET = "the client's very own secret"


@dataclass
class Consent:
    """What a person let a client do."""

    client_id: str
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    scope: str
    user: str
    used: bool = False


@dataclass
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])


def _error(error: str, description: str, status: int = 400) -> Reply:
    return Reply(status, json.dumps({"error": error, "error_description": description}).encode())


class Provider(TcpServer):
    """`issuer` has a path. Every token it ever gave is in `given`, every secret text in `secrets_told`."""

    def __init__(self, certificate: Certificate) -> None:
        self.clients = {CLIENT: SECRET}
        self.codes: dict[str, Consent] = {}
        self.refresh_tokens: dict[str, Consent] = {}
        self.given: list[str] = []
        self.requests: Counter[str] = Counter()
        self.token_bodies: list[dict[str, str]] = []
        self.rotate = True
        self.refuse_old = True
        self.lifetime = 3600
        self.refusals: list[Reply] = []
        """Answered, one after the other, instead of what would be right."""
        self.outage: Reply | None = None
        self.hold = threading.Event()
        """Cleared: token requests wait until it is set."""
        self.hold.set()
        self.id_token_changes: dict[str, Any] = {}
        self.document_changes: dict[str, Any] = {}
        super().__init__("provider", tls=certificate.server_context())

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self.port}/realm"

    def consent(self, authorization_url: str, user: str = "support@shop.test") -> dict[str, str]:
        """What a person does in a browser: the parameters the browser comes back with."""
        asked = dict(parse_qsl(urlsplit(authorization_url).query))
        code = f"code-{secrets.token_urlsafe(24)}"
        self.codes[code] = Consent(
            asked["client_id"], asked["redirect_uri"], asked.get("code_challenge"), asked.get("nonce"),
            asked["scope"], user,
        )  # fmt: skip
        self.given.append(code)
        return {"code": code, "state": asked["state"]}

    def a_code(self, redirect_uri: str, user: str = "support@shop.test") -> str:
        """Asked for without the Config API: no state, no PKCE."""
        code = f"code-{secrets.token_urlsafe(24)}"
        self.codes[code] = Consent(CLIENT, redirect_uri, None, None, "imap smtp offline_access", user)
        self.given.append(code)
        return code

    def revoke_all(self) -> None:
        self.refresh_tokens.clear()

    @property
    def token_requests(self) -> int:
        return self.requests["/realm/token"]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        _method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = urlsplit(target).path
        self.requests[path] += 1
        if path.endswith("/token"):
            await asyncio.to_thread(self.hold.wait, 30)
        reply = self._reply(path, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        told = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
        start = f"HTTP/1.1 {reply.status} Told\r\nContent-Type: application/json\r\nConnection: close\r\n{told}"
        writer.write(f"{start}Content-Length: {len(reply.body)}\r\n\r\n".encode() + reply.body)
        await writer.drain()
        writer.close()

    def _reply(self, path: str, form: dict[str, str]) -> Reply:
        if path == "/realm/.well-known/openid-configuration":
            document = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                **self.document_changes,
            }
            return Reply(200, json.dumps(document).encode())
        if path != "/realm/token":
            return Reply(404, b"{}")
        self.token_bodies.append(form)
        if self.outage is not None:
            return self.outage
        if self.refusals:
            return self.refusals.pop(0)
        return self._token(form)

    def _token(self, form: dict[str, str]) -> Reply:
        known = self.clients.get(form.get("client_id", "")) == form.get("client_secret")
        if not known and "client_assertion" not in form:
            return _error("invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(form)
            case "refresh_token":
                return self._refresh(form)
            case _:
                return self._tokens(Consent(form["client_id"], "", None, None, form["scope"], ""), person=False)

    def _redeem(self, form: dict[str, str]) -> Reply:
        consent = self.codes.get(form["code"])
        if consent is None or consent.client_id != form["client_id"]:
            return _error("invalid_grant", f"AADSTS70000: the code {form['code']} is not valid.\r\nTrace ID: 1")
        if consent.redirect_uri != form["redirect_uri"]:
            return _error("invalid_grant", "AADSTS50011: the redirect URI does not match.")
        verifier = form.get("code_verifier")
        if (_challenge(verifier) if verifier else None) != consent.challenge:
            return _error("invalid_grant", "AADSTS501481: the code_verifier does not match.")
        if consent.used:
            return _error("invalid_grant", "AADSTS54005: the code was redeemed already.")
        consent.used = True
        return self._tokens(consent)

    def _refresh(self, form: dict[str, str]) -> Reply:
        token = form["refresh_token"]
        consent = self.refresh_tokens.get(token)
        if consent is None:
            return _error("invalid_grant", "AADSTS50173: the grant was revoked.")
        if self.rotate and self.refuse_old:
            del self.refresh_tokens[token]
        return self._tokens(consent)

    def _tokens(self, consent: Consent, *, person: bool = True) -> Reply:
        access = f"access-{secrets.token_urlsafe(24)}"
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.lifetime}
        self.given.append(access)
        if person:
            if self.rotate or not any(one is consent for one in self.refresh_tokens.values()):
                answer["refresh_token"] = f"refresh-{secrets.token_urlsafe(24)}"
                self.refresh_tokens[answer["refresh_token"]] = consent
                self.given.append(answer["refresh_token"])
            answer["id_token"] = self._id_token(consent)
        return Reply(200, json.dumps(answer).encode())

    def _id_token(self, consent: Consent) -> str:
        claims = {"iss": self.issuer, "sub": "1", "aud": consent.client_id, "iat": 1_000, "exp": 2_000,
                  "preferred_username": consent.user, "nonce": consent.nonce, **self.id_token_changes}  # fmt: skip
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), ""])


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
