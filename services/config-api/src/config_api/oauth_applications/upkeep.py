"""What may happen to an OAuth application: registered here, changed with its secret at hand, deleted when unused."""

from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError

from config_api import merge_patch, preconditions
from config_api.acting import Act
from config_api.oauth_applications import credentials, draft, repository
from config_api.oauth_applications.draft import Credential, Draft
from config_api.oauth_applications.tables import ApplicationRow
from config_api.outgoing_http import OutgoingHttp
from config_api.references import Move, refuse_if_referenced
from config_api.sealing import CannotOpen
from ece_common.contracts.oauth_applications import NewOauthApplication, OauthApplicationChange
from ece_common.contracts.problem import FieldProblem
from ece_common.errors import Conflict, Invalid


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise Invalid("; ".join(f"{one.field}: {one.problem}" for one in problems)[:2000], errors=problems)


async def create(act: Act, new: NewOauthApplication, http: OutgoingHttp) -> ApplicationRow:
    wanted, given = draft.of_new(new), draft.credential_of(new)
    problems = draft.problems_of(wanted) + draft.refused_problems(wanted, http.may_ask)
    _refuse(problems + draft.credential_problems(None, wanted, given))
    await _refuse_taken(act, wanted.name, None)
    row = ApplicationRow(**{name: getattr(wanted, name) for name in draft.COLUMNS})
    row.created_at = row.updated_at = act.now
    _seal(act, row, given)
    act.session.add(row)
    await _flush(act)
    subject = f"oauth_application/{row.id}"
    act.audit("oauth_application.created", subject, _told(wanted) | {_name(given): "set"})
    act.event("oauth_application.created", subject, {"name": row.name, "provider": row.provider})
    return row


async def change(
    act: Act, application_id: int, wanted: OauthApplicationChange, if_match: str | None, http: OutgoingHttp
) -> ApplicationRow:
    row = await repository.get(act.session, application_id, lock=True)
    preconditions.require(if_match, row.version)
    before = draft.of_row(row)
    after, problems = draft.patched(before, wanted)
    given = draft.credential_of(wanted)
    if _is_another_secret(act, row, given) and "client_secret_expires_at" not in wanted.model_fields_set:
        # When the old one runs out says nothing about the new one.
        after = replace(after, client_secret_expires_at=None)
    problems += _cleared(wanted) + draft.problems_of(after) + draft.credential_problems(before, after, given)
    _refuse(problems + draft.refused_problems(after, http.may_ask))
    await _refuse_taken(act, after.name, application_id)
    told: dict[str, Any] = {
        name: [old, new] for name, old in _told(before).items() if (new := _told(after)[name]) != old
    }
    for name in draft.COLUMNS:
        if getattr(row, name) != getattr(after, name):
            setattr(row, name, getattr(after, name))
    if given.given:
        _seal(act, row, given)
        told[_name(given)] = "changed"
    if given.given or before.client_secret_expires_at != after.client_secret_expires_at:
        row.warned_days = None
    if not told:
        return row
    merge_patch.touch(row, act.now)
    act.session.add(row)
    await _flush(act)
    subject = f"oauth_application/{application_id}"
    act.audit("oauth_application.changed", subject, told)
    act.event("oauth_application.changed", subject, {"name": row.name, "fields": sorted(told)})
    for follow in act.hooks.oauth_application_followers:
        await follow(act, application_id, _move(before, after))
    return row


def _move(before: Draft, after: Draft) -> Move:
    servers = before.mailboxes(), after.mailboxes()
    elsewhere = {name for name in servers[0].keys() & servers[1].keys() if servers[0][name] != servers[1][name]}
    return Move(grants=before.identity() != after.identity(), protocols=frozenset(elsewhere))


async def delete(act: Act, application_id: int, if_match: str | None) -> None:
    """R153: refused while an account uses it."""
    row = await repository.get(act.session, application_id, lock=True)
    preconditions.require(if_match, row.version)
    guards = act.hooks.oauth_application_guards
    await refuse_if_referenced(act.session, guards, application_id, f"OAuth application {row.name!r}")
    await act.session.delete(row)
    await act.session.flush()
    subject, told = f"oauth_application/{application_id}", {"name": row.name}
    act.audit("oauth_application.deleted", subject, told)
    act.event("oauth_application.deleted", subject, told)


def _is_another_secret(act: Act, row: ApplicationRow, given: Credential) -> bool:
    if given.secret is None:
        return False
    try:
        return row.client_secret is None or act.vault.open(row.client_secret) != given.secret
    except CannotOpen:
        return True


def _cleared(wanted: OauthApplicationChange) -> list[FieldProblem]:
    return [
        FieldProblem(field=name, problem="cannot be cleared; give another one, or a certificate instead of a secret")
        for name in ("client_secret", "certificate")
        if name in wanted.model_fields_set and getattr(wanted, name) is None
    ]


def _seal(act: Act, row: ApplicationRow, given: Credential) -> None:
    """One credential at a time: the other one goes."""
    if given.certificate is not None:
        row.certificate = given.certificate.certificate.get_secret_value()
        row.certificate_private_key = act.vault.seal(given.certificate.private_key.get_secret_value())
        row.certificate_expires_at = credentials.shown(row.certificate).expires_at
        row.client_secret, row.client_secret_expires_at = None, None
    elif given.secret is not None:
        row.client_secret = act.vault.seal(given.secret)
        row.certificate = row.certificate_private_key = row.certificate_expires_at = None


def _name(given: Credential) -> str:
    return "certificate" if given.certificate is not None else "client_secret"


def _told(wanted: Draft) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(wanted, name) for name in draft.COLUMNS}
    expires_at = wanted.client_secret_expires_at
    return {**told, "client_secret_expires_at": expires_at.isoformat() if expires_at is not None else None}


async def _refuse_taken(act: Act, name: str, own_id: int | None) -> None:
    taken = await repository.by_name(act.session, name)
    if taken is not None and taken.id != own_id:
        raise _taken(f"{name!r} exists already (id {taken.id})")


def _taken(why: str) -> Conflict:
    return Conflict(f"name: an OAuth application called {why}", code="name_taken")


async def _flush(act: Act) -> None:
    try:
        await act.session.flush()
    except IntegrityError as problem:
        if "oauth_applications_name" not in str(problem.orig):
            raise
        raise _taken("so was made just now") from None
