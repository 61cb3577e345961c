"""One alias's mail on its way, for tests of the pipeline."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from ece_common.contracts.instances import RetrieverSettings
from retriever.pipeline import Work
from retriever.tallies import Tallies
from tests.retriever.fake_config_api import FakeConfigApi
from tests.retriever.fakes import (
    START,
    FakeMailbox,
    FakeServer,
    an_assigned_alias,
    an_email,
    some_settings,
)


def some_work(
    mailbox: FakeMailbox,
    api: FakeConfigApi,
    *,
    settings: RetrieverSettings | None = None,
    halted: Callable[[], bool] = lambda: False,
    in_force: Callable[[], bool] = lambda: True,
    after_retrieval: str = "delete",
) -> Work:
    return Work(
        alias=an_assigned_alias(after_retrieval=after_retrieval),
        mailbox=mailbox,
        intake=api,
        settings=lambda: settings or some_settings(),
        now=lambda: START,
        halted=halted,
        in_force=in_force,
        tallies=Tallies(CollectorRegistry()),
    )


def many(count: int) -> FakeServer:
    return FakeServer(*(an_email(f"Mail {number}") for number in range(count)))
