"""Which events an administrator is told of, and in which words. Pure.

Only what somebody has to know or to act on, and what no administrator did: the rest is in the feed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WHAT_TO_DO = {
    "authentication_failed": "Set the user name and password again (`ece aliases set`); it takes effect at once.",
    "service_not_started": "Nothing listens on that port: start the service or correct server name and port.",
    "certificate_not_valid": "The server's certificate is not trusted: renew it, or give its CA in `incoming.tls`.",
    "folder_missing": "Create the folder on the server, or set `incoming.folder` to one that is there.",
    "mailbox_access": "The login is right but the mailbox does not open: check that IMAP or POP is enabled for it.",
}
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    subject: str
    text: str


def notice(kind: str, subject: str, data: Data) -> Notice | None:
    """The mail for an event of the feed; None when nobody needs one."""
    write = _WRITERS.get(kind)
    return write(subject, data) if write is not None else None


def _lines(*lines: str) -> str:
    return "\n\n".join(line for line in lines if line) + "\n"


def _what_to_do(data: Data) -> str:
    reason, account_id = str(data.get("reason")), data.get("account_id")
    if reason == "authentication_failed" and account_id is not None:
        return (
            f"It belongs to account {account_id}: test that (`ece accounts test {account_id}`), authorize it again "
            f"where it is not authorized any more (`ece accounts set {account_id} --code`), then make its aliases "
            "active (`ece aliases activate`)."
        )
    return _WHAT_TO_DO.get(reason, "")


def _status(subject: str, data: Data) -> Notice | None:
    if data.get("changed_by") != "system":
        return None
    named = f"{data.get('name')} <{data.get('email_address')}>"
    if data.get("to") == "active":
        return Notice(
            f"Alias {data.get('name')} is active again",
            _lines(
                f"Alias {named} ({subject}) is retrieved again.",
                f"It had been inactive because of: {data['reason_before']}." if data.get("reason_before") else "",
            ),
        )
    recovers = bool(data.get("recoverable"))
    return Notice(
        f"Alias {data.get('name')} is inactive: {data.get('reason')}",
        _lines(
            f"Alias {named} ({subject}) became inactive after {data.get('attempts')} failed attempts: "
            f"{data.get('reason')}.",
            f"What was said to us: {data.get('detail')}" if data.get("detail") else "",
            f"It is tried again by itself at {data.get('retry_at')}; nothing needs to be done unless that fails too."
            if recovers
            else "It stays inactive until an administrator makes it active.",
            "" if recovers else _what_to_do(data),
            "Mail stays on the mail server meanwhile."
            + (" Answers are still sent." if data.get("account_id") is None else ""),
        ),
    )


def _large(subject: str, data: Data) -> Notice:
    return Notice(
        f"A mail was too large to retrieve ({subject})",
        _lines(
            f"A mail of {data.get('size')} bytes in the mailbox of {subject} is larger than `maximum_email_size`.",
            "It was deleted from the server, as `action_for_large_email` says."
            if data.get("action") == "delete_and_notify"
            else "It was left on the mail server. Raise `maximum_email_size` to have it retrieved.",
            f"From: {data['from']}" if data.get("from") else "",
            f"Subject: {data['subject']}" if data.get("subject") else "",
        ),
    )


def _trouble(subject: str, data: Data) -> Notice:
    return Notice(
        f"Mail of {subject} waits: {data.get('reason')}",
        _lines(
            f"The outgoing server of {subject} does not take mail: {data.get('reason')}.",
            f"The server said: {data.get('detail')}" if data.get("detail") else "",
            "Its messages wait and are tried again; none is lost.",
        ),
    )


def _recovered(subject: str, data: Data) -> Notice:
    return Notice(
        f"Mail of {subject} goes out again",
        _lines(f"The outgoing server of {subject} takes mail again. The trouble was: {data.get('reason')}."),
    )


def _account(subject: str, data: Data) -> Notice:
    return Notice(
        f"Account {data.get('account_name')} is not authorized any more",
        _lines(
            f"Account {data.get('account_name')} ({subject}) lost its access: {data.get('detail')}",
            "Its aliases are inactive, and what they have to send waits.",
            "Authorize the account again with a new authorization code, then make its aliases active."
            if data.get("sign_in_again", True)
            else "Correct the OAuth application, or what the identity provider keeps of it, and test the account's "
            "connection; then make its aliases active. Nobody has to sign in again.",
            "Mail stays on the mail server meanwhile.",
        ),
    )


def _refused(subject: str, data: Data) -> Notice:
    return Notice(
        f"Account {data.get('account_name')} stops at {data.get('works_until')}",
        _lines(
            f"The identity provider refuses the OAuth application of account {data.get('account_name')} ({subject}): "
            f"{data.get('detail')}",
            f"Its access works until {data.get('works_until')}. Correct the OAuth application before then.",
        ),
    )


def _expiring(subject: str, data: Data) -> Notice:
    what = str(data.get("credential")).replace("_", " ")
    return Notice(
        f"The {what} of {data.get('name')} runs out within {data.get('days')} days",
        _lines(
            f"The {what} of OAuth application {data.get('name')} ({subject}) runs out at {data.get('expires_at')}.",
            "Make a new one with the identity provider and enter it here, or its accounts stop then.",
        ),
    )


def _waiting(subject: str, data: Data) -> Notice:
    return Notice(
        f"{data.get('waiting')} activities wait in the exception queue ({subject})",
        _lines(
            f"{data.get('waiting')} activities wait in {data.get('name')} ({subject}), the oldest since "
            f"{data.get('oldest_at')}.",
            "Each says in `routing_error` or `evidence` why it is there: mend its workflow, pick it or complete it.",
        ),
    )


_WRITERS: dict[str, Callable[[str, Data], Notice | None]] = {
    "alias.status_changed": _status,
    "alias.large_email": _large,
    "alias.outbound_trouble": _trouble,
    "alias.outbound_recovered": _recovered,
    "account.invalid": _account,
    "account.renewal_refused": _refused,
    "queue.exception_waiting": _waiting,
    "oauth_application.credential_expiring": _expiring,
}


def together(notices: Sequence[Notice]) -> Notice:
    """Many at once, in one mail: each is still told."""
    rule = "\n" + "-" * 72 + "\n\n"
    return Notice(
        f"{len(notices)} notifications: {notices[0].subject}, and more",
        rule.join(f"{one.subject}\n\n{one.text}" for one in notices),
    )


TOLD = tuple(_WRITERS)
"""The types of events that may become a mail."""
