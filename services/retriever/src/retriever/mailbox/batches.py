"""How much is asked for in one command: bounded in mails and in bytes. Pure."""

from collections.abc import Iterator, Sequence

from retriever.mailbox.port import Listed


def batches(wanted: Sequence[Listed], *, mails: int, octets: int) -> Iterator[list[Listed]]:
    """Runs of neighbours within both bounds; a mail larger than `octets` goes alone."""
    batch: list[Listed] = []
    room = octets
    for mail in wanted:
        if batch and (len(batch) == mails or mail.size > room):
            yield batch
            batch, room = [], octets
        batch.append(mail)
        room -= mail.size
    if batch:
        yield batch
