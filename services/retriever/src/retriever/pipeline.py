"""READ FIRST: fetch -> parse -> recognise -> bound the body -> submit -> settle, for one alias under one lease.

A mail is let go of on the server only after the Config API said that it is committed. Whatever breaks before that
leaves it where it is, and it comes again; the Config API's ledger makes the second time harmless.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from ece_common.contracts.inbound import (
    InboundAnswer,
    InboundBatch,
    InboundMessage,
    InboundResult,
    KnownQuery,
    LargeMail,
    Source,
)
from ece_common.contracts.instances import AssignedAlias, RetrieverSettings
from ece_common.errors import EceError, Forbidden, NotFound, Permanent, StaleEpoch, Transient, Unauthenticated
from retriever.applied_policies import NO_POLICIES, AppliedPolicies
from retriever.batching import batches
from retriever.intake import Intake, LeaseLapsed
from retriever.mailbox.port import Listed, Mailbox
from retriever.reading import read
from retriever.room import Hold, Room
from retriever.submission import Item, assemble, large_mail, reduced
from retriever.tallies import Tallies

WINDOW = 500
"""Mails that are listed at a time; the lists of thousands of idle mailboxes must not stay in memory."""
SETTLE_MAILS = 250
"""Committed mails from which on a settlement pays: for each a server looks through the whole mailbox."""
_SETTLED_AT_A_TIME = 1000


class _Refused(Exception):
    """The Config API will not take this batch as it is."""


@dataclass(slots=True)
class Work:
    """What one alias's mail needs on its way. `halted`: begin nothing new. `in_force`: the lease still counts."""

    alias: AssignedAlias
    mailbox: Mailbox
    intake: Intake
    settings: Callable[[], RetrieverSettings]
    now: Callable[[], datetime]
    halted: Callable[[], bool]
    in_force: Callable[[], bool]
    tallies: Tallies
    policies: Callable[[], AppliedPolicies] = lambda: NO_POLICIES
    """Those of the alias's department, as the last assignment brought them."""
    room: Room = field(default_factory=Room)
    """For mails in memory; shared by all aliases of the replica."""
    backlog: int = 0
    let_go: int = 0
    """Mails that will not be listed again: settled, or left where they are for good reason."""
    unreported: list[Source] = field(default_factory=list[Source])
    """Settled on the server; the Config API is told with the next batch."""


@dataclass(slots=True)
class _Verdicts:
    """What became of a batch: `done` may be let go of on the server, `refused` stays there and is passed over."""

    done: list[Source] = field(default_factory=list[Source])
    refused: list[Source] = field(default_factory=list[Source])

    def __len__(self) -> int:
        return len(self.done) + len(self.refused)

    def add(self, more: "_Verdicts") -> None:
        self.done += more.done
        self.refused += more.refused


async def drain(work: Work) -> None:
    """Bring in everything that waits on the server. Raises MailFailure, Transient, StaleEpoch and other refusals."""
    while not work.halted():
        listed = await work.mailbox.list(WINDOW)
        work.backlog, before = len(listed), work.let_go
        if listed:
            await _carry(work, await _unknown(work, listed), work.settings())
        if work.let_go == before:  # nothing there, or nothing that can be done now
            break
    await tell_settled(work)


async def _carry(work: Work, listed: Sequence[Listed], settings: RetrieverSettings) -> None:
    """One window: while a batch is being submitted, those before are settled, and the next fetched and parsed."""
    belt = _Belt(work)
    try:
        for batch in batches(listed, settings):
            if work.halted():
                break
            if batch[0].size > settings.maximum_email_size:
                await _report_large(work, batch[0], settings)
            else:
                await _bring_in(work, batch, settings, belt)
        await belt.passed()
    except EceError:  # the Config API's no: what it committed before is let go of all the same
        await belt.settle()
        raise
    finally:
        await belt.stop()
    await belt.settle()


async def _bring_in(work: Work, batch: Sequence[Listed], settings: RetrieverSettings, belt: "_Belt") -> None:
    """A function of its own, so that nothing here holds the mails while the next batch waits for room."""
    hold = await work.room.take(work.alias.incoming.server_name, sum(mail.size for mail in batch))
    try:
        mails = await work.mailbox.fetch(batch)
        await belt.carry(await read(mails, settings, work.policies(), work.now), hold)
    except BaseException:
        hold.free()
        raise


class _Belt:
    """One batch on its way to the Config API, and what is known of those before."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._submitting: asyncio.Task[_Verdicts] | None = None
        self._judged = _Verdicts()

    async def passed(self) -> None:
        """Waits until the batch before is committed."""
        if self._submitting is not None:
            self._judged.add(await asyncio.shield(self._submitting))
            self._submitting = None

    async def carry(self, items: Sequence[Item], hold: Hold) -> None:
        """After the batch before; settles, when it is worth it, while this one is submitted. `hold` ends with it."""
        await self.passed()
        if items and not self._work.halted():
            self._submitting = asyncio.create_task(_submit(self._work, items))
            self._submitting.add_done_callback(lambda _: hold.free())
        else:
            hold.free()
        if len(self._judged) >= SETTLE_MAILS:
            await self.settle()

    async def settle(self) -> None:
        judged, self._judged = self._judged, _Verdicts()
        await _settle(self._work, judged)

    async def stop(self) -> None:
        """Neither a broken connection nor a cancellation undoes what is being committed.

        Its outcome comes to light when the mails are listed again: as duplicates, or not yet stored.
        """
        if self._submitting is not None:
            await asyncio.wait([self._submitting])
            if not self._submitting.cancelled():
                self._submitting.exception()


async def _unknown(work: Work, listed: list[Listed]) -> list[Listed]:
    """Mail that stays on the server is asked about before it is downloaded again."""
    if work.alias.after_retrieval != "keep":
        return listed
    answer = await work.intake.known(
        KnownQuery(
            alias_id=work.alias.alias_id,
            epoch=work.alias.epoch,
            mailbox_generation=work.alias.mailbox_generation,
            sources=[mail.source for mail in listed],
        )
    )
    known = set(answer.known)
    if known:
        sources = [listed[index].source for index in sorted(known) if index < len(listed)]
        work.let_go += len(await work.mailbox.settle(sources))
    return [mail for index, mail in enumerate(listed) if index not in known]


async def _report_large(work: Work, listed: Listed, settings: RetrieverSettings) -> None:
    """Told to the administrator, not downloaded."""
    headers = await work.mailbox.glimpse(listed)
    action, policies = settings.action_for_large_email, work.policies()
    large = await asyncio.to_thread(large_mail, listed, headers, action, policies)
    try:
        await _hand_in(work, [], large=[large])
    except _Refused as refusal:
        _log(work).error(
            "mail.large_not_reported", uid=listed.source.uid, uidl=listed.source.uidl, reason=str(refusal)
        )
        await _settle(work, _Verdicts(refused=[listed.source]))
        return
    work.tallies.large.inc()
    if large.action == "delete_and_notify":
        await _settle(work, _Verdicts(done=[listed.source]))
    else:
        await _settle(work, _Verdicts(refused=[listed.source]))


async def _submit(work: Work, items: Sequence[Item]) -> _Verdicts:
    """A batch that is refused is halved until the culprit stands alone; that one is handed in as `unparsed`."""
    verdicts = _Verdicts()
    waiting: list[Sequence[Item]] = [items]
    while waiting:
        batch = waiting.pop()
        try:
            results = (await _hand_in(work, batch)).results
        except _Refused as refusal:
            if len(batch) > 1:
                waiting += [batch[len(batch) // 2 :], batch[: len(batch) // 2]]
                continue
            results = [InboundResult(index=0, outcome="refused", reason=str(refusal))]
        for result in results:
            again = _judge(work, batch[result.index], result, verdicts)
            waiting += [[again]] if again is not None else []
    return verdicts


def _judge(work: Work, item: Item, result: InboundResult, verdicts: _Verdicts) -> Item | None:
    """Notes what became of the mail; what was refused for the first time comes back with its original alone."""
    if result.outcome != "refused":
        verdicts.done.append(item.source)
        work.tallies.count(result.outcome, unparsed=item.unparsed)
        return None
    reason = result.reason or "refused"
    if not item.unparsed:
        _log(work).warning("mail.refused", uid=item.source.uid, uidl=item.source.uidl, reason=reason)
        return reduced(item, f"the Config API refused the parsed mail: {reason}")
    _log(work).error("mail.left_on_server", uid=item.source.uid, uidl=item.source.uidl, reason=reason)
    work.tallies.count("refused", unparsed=True)
    verdicts.refused.append(item.source)
    return None


async def _hand_in(work: Work, items: Sequence[Item], *, large: Sequence[LargeMail] = ()) -> InboundAnswer:
    if not work.in_force():
        raise LeaseLapsed(f"the lease of alias {work.alias.alias_id} was not renewed in time")
    messages, contents = assemble(items)
    settled, work.unreported = work.unreported[:_SETTLED_AT_A_TIME], work.unreported[_SETTLED_AT_A_TIME:]
    try:
        with work.tallies.batch_seconds.time():
            return await work.intake.submit(_batch(work, messages, large=large, settled=settled), contents)
    except (StaleEpoch, Unauthenticated, Forbidden, NotFound, Transient):
        work.unreported = settled + work.unreported
        raise
    except Permanent as refusal:  # `settled` is not said again: it might be what was refused
        raise _Refused(refusal.detail) from refusal


def _batch(
    work: Work, messages: Sequence[InboundMessage], *, large: Sequence[LargeMail], settled: Sequence[Source]
) -> InboundBatch:
    # Each message was validated when it was made; doing so again would cost as much as parsing it.
    return InboundBatch.model_construct(
        alias_id=work.alias.alias_id,
        epoch=work.alias.epoch,
        mailbox_generation=work.alias.mailbox_generation,
        messages=list(messages),
        large=list(large),
        settled=list(settled),
    )


async def _settle(work: Work, verdicts: _Verdicts) -> None:
    """Let go of what was committed; what was refused stays, without keeping the rest from being listed."""
    if verdicts.refused:
        work.mailbox.pass_over(verdicts.refused)
    settled = await work.mailbox.settle(verdicts.done) if verdicts.done else []
    if work.alias.after_retrieval != "keep":
        work.unreported += settled
    gone = len(settled) + len(verdicts.refused)
    work.let_go += gone
    work.backlog = max(work.backlog - gone, 0)


async def tell_settled(work: Work) -> None:
    """The ledger learns what is gone from the server. Also after the lease was lost: a stale epoch may say this."""
    while work.unreported:
        now = work.unreported[:_SETTLED_AT_A_TIME]
        try:
            await work.intake.submit(_batch(work, [], large=[], settled=now), [])
        except (StaleEpoch, NotFound):
            work.unreported.clear()
            raise
        except Permanent as refusal:
            _log(work).warning("mail.settled_report_refused", reason=refusal.detail)
        work.unreported = work.unreported[len(now) :]


def _log(work: Work) -> structlog.stdlib.BoundLogger:
    return structlog.get_logger().bind(
        alias_id=work.alias.alias_id, department_id=work.alias.department_id, epoch=work.alias.epoch
    )
