"""Messages, routes and letters: a test says only what matters to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from dispatcher.transport.port import Letter
from ece_common.contracts.aliases import OutgoingType, TlsOptions, UseSmtp
from ece_common.contracts.instances import OutgoingAccess
from ece_common.contracts.outbound import OutboundMessage

ALIAS = "support@rig.test"


def an_access(
    port: int,
    *,
    server_type: OutgoingType = "SMTP",
    use_ssl: bool = False,
    use_smtp: UseSmtp = "never",
    user_name: str | None = None,
    password: str | None = None,
    access_token: str | None = None,
    server_name: str = "localhost",
    ca_bundle: str | None = None,
) -> OutgoingAccess:
    return OutgoingAccess(
        server_type=server_type,
        server_name=server_name,
        port=port,
        use_ssl=use_ssl,
        use_smtp=use_smtp,
        user_name=user_name,
        password=password,
        access_token=access_token,
        alias_id=1 if access_token is not None else None,
        tls=TlsOptions(ca_bundle=ca_bundle),
    )


def a_message(activity_id: int = 1, **changes: Any) -> OutboundMessage:
    """`to`, `cc` and `bcc` make the envelope unless `recipients` is given; anything else replaces a field."""
    to, cc, bcc = changes.pop("to", ["customer@shop.test"]), changes.pop("cc", []), changes.pop("bcc", [])
    named = [(address, kind) for kind, group in (("to", to), ("cc", cc), ("bcc", bcc)) for address in group]
    fields: dict[str, Any] = {
        "activity_id": activity_id,
        "claim_id": f"claim-{activity_id}",
        "claim_expires_at": datetime.now(UTC) + timedelta(minutes=5),
        "route": "r1",
        "envelope_from": ALIAS,
        "from": ALIAS,
        "from_name": None,
        "to": to,
        "cc": cc,
        "recipients": [{"position": n, "address": address, "kind": kind} for n, (address, kind) in enumerate(named)],
        "subject": f"Re: your order {activity_id}",
        "text": "It is on its way.\n",
        "html": None,
        "message_id": f"<{activity_id}.reply@rig.test>",
        "in_reply_to": None,
        "references": [],
        "date": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
        "automatic": False,
        "return_tag": None,
        "attachments": [],
        "attempts": 0,
    }
    return OutboundMessage.model_validate(fields | changes)


def a_letter(*recipients: str, sender: str = ALIAS, body: bytes = b"Hello.\r\n") -> Letter:
    content = b"Subject: hello\r\n\r\n" + body
    return Letter(sender=sender, recipients=recipients or ("customer@shop.test",), content=content)


def nobody(_peer: str) -> bool:
    """Who may be given a token without TLS, as if the rig's servers stood somewhere else."""
    return False
