"""What the callback page says: the code, that the account works now, or what went wrong and what to do about it."""

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from config_api.access.callers import Caller
from config_api.accounts import signing_in, upkeep
from config_api.accounts.callback_page import Page
from config_api.accounts.renewing import DATABASE_AWAY, Tools
from config_api.accounts.signing_in import Ended, Ending, Returned
from config_api.acting import Act
from config_api.oauth_applications import refusals
from ece_common.errors import EceError, Transient

log = structlog.get_logger()

_AGAIN = "Begin a new sign-in: ask for a new authorization URL and open it."
_WAKE = "Aliases of it that had stopped stay inactive until an administrator makes them active."
_CLOSE = "You can close this window."
_CONSENT = (
    f"{_AGAIN} Sign in as the owner of the mailbox and accept the permissions that are asked for. If you cannot "
    "accept them, an administrator of your directory has to."
)
_REPEATED = "Each one is good for one return: opening this page again, or going back to it, does nothing."
_PASTE = (
    "You are signed in. Paste this code into the account's field Authorization code and save the account within ten "
    "minutes: a code works once."
)
_LATER = (
    "Paste this code into the account's field Authorization code and save the account, within ten minutes and once "
    "what is away answers again; or begin a new sign-in later."
)
_AWAY = Page(
    "This service cannot go on just now",
    ("Its database does not answer, so nothing was changed. Open this page again in a moment.",),
    status=503,
)
_PAGES: dict[Ending, Page] = {
    "denied": Page(
        "Access was not granted",
        ("The sign-in ended without consent, so nothing was changed.", _CONSENT),
        status=400,
    ),
    "refused": Page(
        "The sign-in failed",
        ("The identity provider refused it, so nothing was changed.",),
        status=400,
    ),
    "expired": Page(
        "This sign-in has expired",
        ("It was begun too long ago: what came back is not accepted and nothing was changed.", _AGAIN),
        status=400,
    ),
    "replayed": Page(
        "This sign-in was used already",
        (_REPEATED, "If you still need a code, begin a new sign-in."),
        status=400,
    ),
    "unknown": Page(
        "This sign-in is not known here",
        ("It was not begun with this service, or so long ago that it is forgotten. Nothing was changed.", _AGAIN),
        status=400,
    ),
    "foreign": Page(
        "This answer is of another identity provider",
        ("The sign-in was begun with one provider and answered by another one, so nothing was changed.", _AGAIN),
        status=400,
    ),
    "incomplete": Page(
        "The identity provider sent no code",
        ("The sign-in came back without an authorization code, so nothing was changed.", _AGAIN),
        status=400,
    ),
}


async def answered(tools: Tools, returned: Returned) -> Page:
    """A page whatever happens: who comes here is a person with a browser."""
    try:
        return await _answered(tools, returned)
    except DATABASE_AWAY as problem:
        log.warning("sign_in.not_ended", problem=type(problem).__name__)
        return _AWAY


async def _answered(tools: Tools, returned: Returned) -> Page:
    """Two transactions: a state is spent whatever becomes of its code."""
    async with tools.sessions() as session, session.begin():
        ended = await signing_in.end(_act(tools, session, "callback"), returned)
    if ended.ending != "code" or returned.code is None:
        return _failed(ended, returned)
    if ended.account_id is None:
        return Page("Authorization code", (_PASTE,), code=returned.code)
    return await _completed(tools, ended, ended.account_id, returned.code)


def _act(tools: Tools, session: AsyncSession, name: str) -> Act:
    return Act(session, Caller(name, None), tools.hooks, tools.vault, tools.clock())


async def _completed(tools: Tools, ended: Ended, account_id: int, code: str) -> Page:
    try:
        async with tools.sessions() as session, session.begin():
            account = await upkeep.complete(_act(tools, session, ended.asked_by), tools.identity, account_id, code)
            name, user = account.account_name, account.authorized_user_name
    except Transient as problem:
        return _not_yet(code, problem.detail)
    except DATABASE_AWAY as problem:
        log.warning("sign_in.not_completed", account_id=account_id, problem=type(problem).__name__)
        return _not_yet(code, "This service's database does not answer.")
    except EceError as problem:
        return Page(
            "The account could not be authorized",
            ("The sign-in itself worked, but not what followed. The account is as it was before.", _AGAIN),
            told=problem.detail,
            status=400,
        )
    whom = f" as {user}" if user else ""
    return Page("The account is authorized", (f"{name} is signed in{whom}. There is nothing to copy.", _WAKE, _CLOSE))


def _not_yet(code: str, told: str) -> Page:
    """The state is spent: whoever opened this page again would hear nothing but that."""
    return Page(
        "The account is not authorized yet",
        ("The sign-in itself worked, but its code could not be redeemed now. The account is as it was.", _LATER),
        told=told,
        code=code,
        status=503,
    )


def _failed(ended: Ended, returned: Returned) -> Page:
    page = _PAGES[ended.ending]
    if ended.ending not in ("denied", "refused"):
        return page
    answer = {"error": returned.error, "error_description": returned.error_description}
    refusal = refusals.read(answer, (returned.code or "", returned.state or ""))
    steps = (
        page.paragraphs if ended.ending == "denied" else (*page.paragraphs, f"What to do: {refusal.hint}. {_AGAIN}")
    )
    return Page(page.title, steps, told=f"{refusal.error}: {refusal.told}".removesuffix(": "), status=page.status)
