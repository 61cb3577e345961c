"""What is wrong with an alias as it would be: pure, each problem with the field it is about."""

from collections.abc import Iterator

from cryptography.x509 import load_pem_x509_certificates

from config_api.aliases.draft import Draft, Secrets
from ece_common.contracts.aliases import AliasChange
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Invalid

_POP3_AFTER = ("delete", "keep")


def refuse(problems: list[FieldProblem]) -> None:
    """Raise `Invalid` when there are any."""
    if problems:
        raise Invalid("; ".join(f"{one.field}: {one.problem}" for one in problems)[:2000], errors=problems)


def problems_of(draft: Draft) -> list[FieldProblem]:
    found = (*_incoming(draft), *_outgoing(draft), *_addresses(draft), *_certificates(draft))
    return [FieldProblem(field=field, problem=problem) for field, problem in found]


def _incoming(draft: Draft) -> Iterator[tuple[str, str]]:
    pop3 = draft.incoming_server_type == "POP3"
    if pop3 and draft.incoming_folder != "inbox":
        yield "incoming.folder", "can differ from inbox only with IMAP; POP3 has no folders"
    if pop3 and draft.after_retrieval not in _POP3_AFTER:
        yield "after_retrieval", f"{draft.after_retrieval} needs IMAP; with POP3 it is delete or keep"
    if draft.after_retrieval == "move" and not draft.move_to:
        yield "move_to", "is required when after_retrieval is move: the folder to move to"
    if draft.after_retrieval != "move" and draft.move_to is not None:
        yield "move_to", "is only for after_retrieval move; leave it out"
    if draft.move_to is not None and _folder_key(draft.move_to) == _folder_key(draft.incoming_folder):
        yield "move_to", "is the folder that is retrieved; choose another one"


def _folder_key(folder: str) -> str:
    return "inbox" if folder.casefold() == "inbox" else folder


def _outgoing(draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.outgoing_server_type == "ESMTP":
        if not draft.outgoing_user_name:
            yield "outgoing.user_name", "is required with ESMTP"
        return
    for name in ("use_smtp", "user_name"):
        if getattr(draft, f"outgoing_{name}") is not None:
            yield f"outgoing.{name}", "is only for ESMTP; leave it out with SMTP"


def _addresses(draft: Draft) -> Iterator[tuple[str, str]]:
    own = draft.email_address.casefold()
    for position, address in enumerate(draft.redirection_email_addresses):
        if address.casefold() == own:
            yield f"redirection_email_addresses.{position}", "is the alias's own address; list only others"


def _certificates(draft: Draft) -> Iterator[tuple[str, str]]:
    for section, options in (("incoming", draft.incoming_tls), ("outgoing", draft.outgoing_tls)):
        bundle = options.get("ca_bundle")
        if bundle is not None and not _is_bundle(bundle):
            yield f"{section}.tls.ca_bundle", "must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)"


def _is_bundle(bundle: str) -> bool:
    try:
        return "\x00" not in bundle and bool(load_pem_x509_certificates(bundle.encode()))
    except ValueError:
        return False


def password_problems(
    before: Draft | None, after: Draft, secrets: Secrets, stored: frozenset[str]
) -> list[FieldProblem]:
    """`before` is null for a new alias; `stored` names the sections that have a password already."""
    found = [
        *_verified("incoming", secrets.incoming, secrets.incoming_verify),
        *_verified("outgoing", secrets.outgoing, secrets.outgoing_verify),
        *_present("incoming", secrets.incoming, before, after, stored),
    ]
    if after.outgoing_server_type == "ESMTP":
        found += _present("outgoing", secrets.outgoing, before, after, stored)
    else:
        given = (("password", secrets.outgoing), ("verify_password", secrets.outgoing_verify))
        found += [
            (f"outgoing.{name}", "is only for ESMTP; leave it out with SMTP")
            for name, value in given
            if value is not None
        ]
    return [FieldProblem(field=field, problem=problem) for field, problem in found]


_OWN = {"incoming": {"folder", "tls"}, "outgoing": {"tls"}}
"""What an alias in an account still has of its own."""


def account_problems(wanted: AliasChange) -> list[FieldProblem]:
    """Servers and logins are the account's; another address is another mailbox (R174)."""
    found = [
        FieldProblem(field=f"{section}.{name}", problem="is given by the account that the alias belongs to")
        for section, own in _OWN.items()
        if (part := getattr(wanted, section)) is not None
        for name in sorted(part.model_fields_set - own)
    ]
    if wanted.email_address is not None:
        told = "cannot be changed in an account: remove the alias and create another one"
        found.append(FieldProblem(field="email_address", problem=told))
    return found


def _verified(section: str, password: str | None, again: str | None) -> Iterator[tuple[str, str]]:
    if again is not None and again != password:
        yield f"{section}.verify_password", "must equal password"


def _present(
    section: str, given: str | None, before: Draft | None, after: Draft, stored: frozenset[str]
) -> Iterator[tuple[str, str]]:
    if given is not None:
        return
    if section not in stored:
        why = "" if section == "incoming" else " with ESMTP"
        yield f"{section}.password", f"is required{why}"
    elif before is not None and before.place(section) != after.place(section):
        yield (
            f"{section}.password",
            "is needed again because server, port or TLS change: a stored one is never sent to a new place",
        )
