"""Which SASL mechanisms are tried with a server, and what is said in each (RFC 4954, 4616). Pure."""

import base64
from collections.abc import Collection
from dataclasses import dataclass

from ece_common.contracts.instances import OutgoingAccess

# A line of 512 octets is what every server must take (RFC 5321 section 4.5.3.1.4); Postfix and Dovecot refuse long
# initial responses outright, so what does not fit is sent in a second step.
LONGEST_INITIAL_RESPONSE = 480


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
        """What is said to a challenge too many."""
        return b"" if self.mechanism == "XOAUTH2" else b"*"


def exchanges(access: OutgoingAccess, offered: Collection[str]) -> list[Exchange]:
    """In the order of trying; empty when the server offers nothing we can do. `offered` in lower case."""
    user = access.user_name or ""
    if access.access_token is not None:
        token = f"user={user}\x01auth=Bearer {access.access_token}\x01\x01"
        known = [Exchange("XOAUTH2", (_encoded(token),))]
    else:
        password = access.password or ""
        known = [
            Exchange("PLAIN", (_encoded(f"\0{user}\0{password}"),)),
            Exchange("LOGIN", (_encoded(user), _encoded(password))),
        ]
    return [exchange for exchange in known if exchange.mechanism.lower() in offered]


def _encoded(text: str) -> bytes:
    return base64.b64encode(text.encode("utf-8"))
