"""Which SASL mechanisms are tried with a server, and what is said in each (RFC 4954, 4616). Pure."""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass

from ece_common import bearer
from ece_common.contracts.instances import OutgoingAccess

# A line of 512 octets is what every server must take (RFC 5321 section 4.5.3.1.4); Postfix and Dovecot refuse long
# initial responses outright, so what does not fit is sent in a second step.
LONGEST_INITIAL_RESPONSE = 480

# A token that a server repeats in part, or broken into lines.
_LONG = re.compile(r"[A-Za-z0-9+/_=.-]{60,}")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A mechanism and our answers to the server's challenges, base64."""

    mechanism: str
    answers: tuple[bytes, ...]

    @property
    def initial(self) -> bool:
        """The only answer may stand in the AUTH line itself."""
        return len(self.answers) == 1 and len(self.answers[0]) <= LONGEST_INITIAL_RESPONSE

    @property
    def ending(self) -> bytes:
        """What is said to a challenge too many: with a token it tells an error, else it is given up on."""
        return next((bearer.ending(known) for known in bearer.MECHANISMS if known == self.mechanism), b"*")


def exchanges(access: OutgoingAccess, offered: Collection[str]) -> list[Exchange]:
    """In the order of trying; empty when the server offers nothing we can do. `offered` in lower case."""
    user = access.user_name or ""
    if access.access_token is not None:
        token, host, port = access.access_token, access.server_name, access.port
        said = ((name, bearer.response(name, token, user, host=host, port=port)) for name in bearer.MECHANISMS)
        known = [Exchange(name, (base64.b64encode(response),)) for name, response in said]
    else:
        password = access.password or ""
        known = [
            Exchange("PLAIN", (_encoded(f"\0{user}\0{password}"),)),
            Exchange("LOGIN", (_encoded(user), _encoded(password))),
        ]
    return [exchange for exchange in known if exchange.mechanism.lower() in offered]


def unsaid(reply: str, access: OutgoingAccess, exchange: Exchange) -> str:
    """Without what we said, should the server repeat it."""
    secrets = (access.access_token or "", access.password or "", *(each.decode("ascii") for each in exchange.answers))
    for secret in secrets:
        # A password of one or two characters must not blot out half of every sentence.
        if len(secret) > 2:
            reply = reply.replace(secret, "***")
    return _LONG.sub("***", reply) if access.access_token is not None else reply


def _encoded(text: str) -> bytes:
    return base64.b64encode(text.encode("utf-8"))
