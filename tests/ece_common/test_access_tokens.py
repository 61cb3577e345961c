"""Fresh tokens of one process: one asks for all aliases of an account, and an alias's own trouble stays its own."""

import asyncio

import pytest

from ece_common.access_tokens import FreshTokens
from ece_common.bearer import digest
from ece_common.contracts.tokens import AccessToken
from ece_common.errors import Conflict, EceError, Forbidden, Transient

OLD = digest("old")


class Desk:
    """Answers in turn, the last one again and again; `hold` until the answers may go."""

    def __init__(self, *answers: str | EceError) -> None:
        self._answers = answers
        self.asked: list[tuple[int, str | None]] = []
        self.hold = asyncio.Event()

    async def ask(self, alias_id: int, refused: str | None) -> AccessToken:
        self.asked.append((alias_id, refused))
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        await self.hold.wait()
        if isinstance(answer, EceError):
            raise answer
        return AccessToken.model_validate({"access_token": answer, "expires_at": "2030-01-01T00:00:00Z"})


async def _all_of(desk: Desk, *aliases: int) -> list[AccessToken | BaseException]:
    fresh = FreshTokens(desk.ask)
    asking = [asyncio.ensure_future(fresh(alias, OLD)) for alias in aliases]
    await asyncio.sleep(0)
    desk.hold.set()
    return await asyncio.gather(*asking, return_exceptions=True)


async def test_hundreds_of_aliases_of_one_account_ask_once() -> None:
    desk = Desk("new")
    tokens = await _all_of(desk, *range(300))
    assert {token.access_token for token in tokens if isinstance(token, AccessToken)} == {"new"}
    assert desk.asked == [(0, OLD)]


async def test_who_comes_later_with_the_old_token_gets_the_newest_without_asking() -> None:
    desk = Desk("new", "newer", "newest")
    desk.hold.set()
    fresh = FreshTokens(desk.ask)
    assert fresh.instead_of(OLD) is None
    await fresh(1, OLD)
    await fresh(1, digest("new"))
    assert (await fresh(2, OLD)).access_token == "newer"
    assert len(desk.asked) == 2


@pytest.mark.parametrize("problem", [Transient("away"), Conflict("revoked", code="account_invalid")])
async def test_an_accounts_trouble_is_told_to_all_who_wait(problem: EceError) -> None:
    desk = Desk(problem)
    assert await _all_of(desk, 1, 2, 3) == [problem] * 3
    assert len(desk.asked) == 1


async def test_an_aliass_own_trouble_is_not_that_of_the_others() -> None:
    problem = Forbidden("alias 1 is worked on by another instance")
    desk = Desk(problem, "new")
    [first, second] = await _all_of(desk, 1, 2)
    assert first is problem
    assert isinstance(second, AccessToken)
    assert desk.asked == [(1, OLD), (2, OLD)]


async def test_whoever_asked_first_may_go_and_the_others_are_served_all_the_same() -> None:
    desk = Desk("new")
    fresh = FreshTokens(desk.ask)
    first, second = (asyncio.ensure_future(fresh(alias, OLD)) for alias in (1, 2))
    await asyncio.sleep(0)
    first.cancel()
    desk.hold.set()
    assert (await second).access_token == "new"
    assert len(desk.asked) == 1


async def test_a_token_that_is_the_refused_one_again_replaces_nothing() -> None:
    desk = Desk("old")
    desk.hold.set()
    fresh = FreshTokens(desk.ask)
    await fresh(1, OLD)
    assert fresh.instead_of(OLD) is None
    assert repr(vars(fresh)).count("old") == 0
