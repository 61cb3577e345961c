"""Who may have which token: the provider's clients, users, codes and grants, without HTTP."""

import base64
import hashlib
import hmac
import secrets
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.rig.identity_records import Access, Asked, Client, Grant, Lifetimes, Refused, User

RESERVED = frozenset({"openid", "profile", "offline_access"})
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(slots=True)
class Book:
    """`issuer` is filled in when the server knows its port; `now` in seconds since 1970."""

    now: Callable[[], float] = time.time
    issuer: str = ""
    tenant: str = ""
    clients: dict[str, Client] = field(default_factory=dict[str, Client])
    users: dict[str, User] = field(default_factory=dict[str, User])
    mailboxes: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict[str, set[str]](set))
    """By shared mailbox: the users, or client ids, that may open it."""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    rotate: bool = True
    """Each refresh brings a new refresh token, and ends the old one."""
    padding: int = 0
    """So many more octets in every access token, about."""
    requests: dict[str, Asked] = field(default_factory=dict[str, Asked])
    codes: dict[str, Grant] = field(default_factory=dict[str, Grant])
    refresh_tokens: dict[str, Grant] = field(default_factory=dict[str, Grant])
    replaced: dict[str, Grant] = field(default_factory=dict[str, Grant])
    """Refresh tokens that were rotated away: whoever shows one again ends its grant (RFC 9700 section 4.14.2)."""
    access_tokens: dict[str, Access] = field(default_factory=dict[str, Access])
    given: list[str] = field(default_factory=list[str])
    """Every code and token there ever was: what must appear in no log."""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))

    # --- the authorize page

    def ask(self, query: Mapping[str, str]) -> str:
        """A new authorization request; its id. `Refused`: shown on a page, since there is nobody to send back to."""
        client = self.clients.get(query.get("client_id", ""))
        if client is None:
            raise Refused("unauthorized_client", 700016, "Application was not found in the directory.")
        if query.get("redirect_uri") not in client.redirect_uris:
            raise Refused("invalid_request", 50011, "The redirect URI does not match those of the application.")
        if query.get("response_type") != "code" or query.get("response_mode", "query") != "query":
            raise Refused("unsupported_response_type", 70005, "Only code, in the query, is supported here.")
        challenge = query.get("code_challenge")
        if challenge is not None and query.get("code_challenge_method") != "S256":
            raise Refused("invalid_request", 501491, "code_challenge_method must be S256.")
        request = secrets.token_urlsafe(24)
        self.requests[request] = Asked(
            client.client_id,
            query["redirect_uri"],
            frozenset(query.get("scope", "").split()),
            query.get("state"),
            query.get("nonce"),
            challenge,
            query.get("login_hint", ""),
            self.now() + self.lifetimes.request,
        )
        return request

    def asked(self, request: str) -> Asked:
        found = self.requests.get(request)
        if found is None or found.until <= self.now():
            raise Refused("invalid_request", 50074, "This sign-in is over. Begin again.")
        return found

    def sign_in(self, request: str, address: str, password: str) -> Asked | None:
        """None: wrong user name or password."""
        asked, user = self.asked(request), self.users.get(address.strip().lower())
        if user is None or not hmac.compare_digest(user.password.encode(), password.encode()):
            return None
        self.requests[request] = replace(asked, user=user.address)
        return self.requests[request]

    def accept(self, request: str) -> tuple[Asked, str]:
        """The code, too. The request is used up."""
        asked = self.asked(request)
        if asked.user is None:
            raise Refused("login_required", 50058, "Nobody has signed in.")
        del self.requests[request]
        code = self._told(f"0.{secrets.token_urlsafe(64)}")
        self.codes[code] = Grant(asked.client_id, asked.user, asked.scopes, asked, self.now() + self.lifetimes.code)
        return asked, code

    def decline(self, request: str) -> Asked:
        asked = self.asked(request)
        del self.requests[request]
        return asked

    # --- the token endpoint

    def token(self, form: Mapping[str, str], token_endpoint: str) -> dict[str, Any]:
        client = self._authenticated(form, token_endpoint)
        match form.get("grant_type"):
            case "authorization_code":
                return self._redeem(client, form)
            case "refresh_token":
                return self._refresh(client, form)
            case "client_credentials":
                return self._as_application(client, form)
            case other:
                raise Refused("unsupported_grant_type", 70003, f"The grant type {other!r} is not supported.")

    def _authenticated(self, form: Mapping[str, str], token_endpoint: str) -> Client:
        client = self.clients.get(form.get("client_id", ""))
        if client is None:
            raise Refused("unauthorized_client", 700016, "Application was not found in the directory.")
        if "client_assertion" in form:
            self._judge_assertion(client, form, token_endpoint)
            return client
        if not hmac.compare_digest(client.secret.encode(), form.get("client_secret", "").encode()):
            raise Refused("invalid_client", 7000215, "Invalid client secret provided.", status=401)
        if client.secret_expired:
            raise Refused("invalid_client", 7000222, "The provided client secret keys are expired.", status=401)
        return client

    def _judge_assertion(self, client: Client, form: Mapping[str, str], token_endpoint: str) -> None:
        wrong = Refused("invalid_client", 700027, "The client assertion cannot be verified.", status=401)
        if client.certificate is None or form.get("client_assertion_type") != _ASSERTION:
            raise wrong
        certificate = x509.load_pem_x509_certificate(client.certificate.encode())
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise wrong
        try:
            if not _names(form["client_assertion"], certificate):
                raise wrong
            claims = jwt.decode(form["client_assertion"], key, algorithms=["RS256", "PS256"], audience=token_endpoint)
        except jwt.PyJWTError:
            raise wrong from None
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise wrong

    def _redeem(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        grant = self.codes.get(form.get("code", ""))
        if grant is None or grant.client_id != client.client_id:
            raise Refused("invalid_grant", 70000, "The provided authorization code is not valid for this client.")
        if grant.asked.redirect_uri != form.get("redirect_uri"):
            raise Refused("invalid_grant", 50011, "The redirect URI is not that of the authorization request.")
        verifier = form.get("code_verifier")
        # A verifier to a request that had no challenge: somebody took the challenge away (RFC 9700 section 2.1.1).
        if (_challenge(verifier) if verifier else None) != grant.asked.challenge:
            raise Refused("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge.")
        if grant.used:
            grant.revoked = True  # RFC 6749 section 4.1.2: somebody else may have it
            raise Refused("invalid_grant", 54005, "The authorization code was already redeemed.")
        if grant.until <= self.now():
            raise Refused("invalid_grant", 70008, "The provided authorization code has expired.")
        grant.used = True
        grant.until = self.now() + self.lifetimes.refresh
        return self._tokens(grant, form)

    def _refresh(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        grant = self.refresh_tokens.get(token)
        reused = self.replaced.get(token)
        if reused is not None and reused.client_id == client.client_id:
            reused.revoked = True
        if grant is None or grant.client_id != client.client_id:
            raise Refused("invalid_grant", 70000, "The provided refresh token is not valid for this client.")
        if grant.revoked:
            raise Refused("invalid_grant", 50173, "The provided grant has been revoked.")
        if grant.until <= self.now():
            raise Refused("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
        if self.rotate:
            self.replaced[token] = self.refresh_tokens.pop(token)
            grant.until = self.now() + self.lifetimes.refresh
        return self._tokens(grant, form)

    def _as_application(self, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
        scopes = frozenset(form.get("scope", "").split())
        if not scopes or any(not scope.endswith("/.default") for scope in scopes):
            raise Refused("invalid_scope", 1002012, "Client credential flows must have a scope ending in /.default.")
        return self._answer(self.issue(None, client_id=client.client_id, scopes=scopes), scopes)

    def _tokens(self, grant: Grant, form: Mapping[str, str]) -> dict[str, Any]:
        wanted = frozenset(form.get("scope", "").split()) or grant.scopes
        if not wanted - RESERVED <= grant.scopes:
            raise Refused("invalid_grant", 65001, "The user has not consented to use the application for this.")
        scopes = wanted - RESERVED
        token = self.issue(grant.user, client_id=grant.client_id, scopes=scopes)
        answer = self._answer(token, scopes)
        if "offline_access" in grant.scopes:
            answer["refresh_token"] = self._refresh_token(grant)
        if "openid" in grant.scopes:
            answer["id_token"] = self._id_token(grant)
        return answer

    def _answer(self, token: str, scopes: frozenset[str]) -> dict[str, Any]:
        seconds = int(self.lifetimes.access)
        return {"token_type": "Bearer", "scope": " ".join(sorted(scopes)), "expires_in": seconds,
                "ext_expires_in": seconds, "access_token": token}  # fmt: skip

    def _refresh_token(self, grant: Grant) -> str:
        kept = next((token for token, held in self.refresh_tokens.items() if held is grant), None)
        if kept is not None and not self.rotate:
            return kept
        token = self._told(f"1.{secrets.token_urlsafe(96)}")
        self.refresh_tokens[token] = grant
        return token

    def issue(
        self, user: str | None, *, client_id: str = "test", scopes: frozenset[str] = frozenset(),
        lifetime: float | None = None,
    ) -> str:  # fmt: skip
        """An access token, shaped like Microsoft's: a signed JWT that only its issuer understands."""
        seconds = self.lifetimes.access if lifetime is None else lifetime
        until = self.now() + seconds
        claims = {
            "iss": self.issuer,
            "appid": client_id,
            "upn": user,
            "exp": int(until),
            "jti": secrets.token_hex(16),
            "scp": " ".join(sorted(scopes)),
            "pad": secrets.token_hex(self.padding * 3 // 8),
        }
        token = self._told(jwt.encode(claims, self.key, "RS256", {"kid": "rig"}))
        self.access_tokens[token] = Access(client_id, user.lower() if user else None, scopes, until)
        return token

    def _id_token(self, grant: Grant) -> str:
        now, user = int(self.now()), self.users[grant.user]
        person = hashlib.sha256(user.address.encode()).hexdigest()[:32]
        claims = {"iss": self.issuer, "sub": person, "tid": self.tenant, "oid": str(uuid.UUID(person)),
                  "aud": grant.client_id, "iat": now, "nbf": now, "exp": now + 3600, "name": user.name,
                  "preferred_username": user.address}  # fmt: skip
        if grant.asked.nonce is not None:
            claims["nonce"] = grant.asked.nonce
        return self._told(jwt.encode(claims, self.key, "RS256", {"kid": "rig"}))

    # --- what mail servers ask, and what an administrator does

    def introspect(self, token: str, mailbox: str | None) -> dict[str, Any]:
        """RFC 7662; `mailbox`: may the token's holder open that one?"""
        access = self.access_tokens.get(token)
        if access is None or not access.active or access.until <= self.now():
            return {"active": False}
        who = access.holder
        if mailbox is not None and mailbox != who:
            if who not in self.mailboxes.get(mailbox, ()):
                return {"active": False}
            who = mailbox
        return {"active": True, "username": who, "client_id": access.client_id, "token_type": "Bearer",
                "scope": " ".join(sorted(access.scopes)), "exp": int(access.until)}  # fmt: skip

    def revoke(self, user: str) -> None:
        """All grants of this user. Access tokens live on until they run out, as everywhere."""
        for grant in (*self.codes.values(), *self.refresh_tokens.values()):
            if grant.user == user.lower():
                grant.revoked = True

    def end_access_tokens(self, holder: str | None = None) -> None:
        """Mail servers refuse the tokens that there are now, of this user, or client id, or all."""
        for access in list(self.access_tokens.values()):
            if holder is None or access.holder == holder.lower():
                access.active = False

    def _told(self, secret: str) -> str:
        self.given.append(secret)
        return secret


def _names(assertion: str, certificate: x509.Certificate) -> bool:
    """By its thumbprint, as RFC 7515 sections 4.1.7 and 4.1.8 have it."""
    header = jwt.get_unverified_header(assertion)
    thumbprints = {"x5t#S256": hashes.SHA256(), "x5t": hashes.SHA1()}
    named = next((name for name in thumbprints if name in header), None)
    if named is None:
        return False
    # msal leaves the padding on.
    return str(header[named]).rstrip("=") == _base64url(certificate.fingerprint(thumbprints[named]))


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _challenge(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())
