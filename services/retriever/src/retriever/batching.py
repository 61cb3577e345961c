"""How many mails are handed in at a time: the setting's number, and no more bytes than memory allows. Pure."""

from collections.abc import Iterator, Sequence

from ece_common.contracts.instances import RetrieverSettings
from retriever.mailbox.port import Listed

FETCH_BYTES = 8 * 1024 * 1024
"""Of originals in one batch: with their decoded attachments at most twice that is submitted."""


def batches(listed: Sequence[Listed], settings: RetrieverSettings) -> Iterator[list[Listed]]:
    """In order, by number and bytes; what is larger than a batch goes alone, and large mail apart from the rest."""
    batch: list[Listed] = []
    size = 0
    for mail in listed:
        alone = mail.size > settings.maximum_email_size
        full = len(batch) >= settings.retriever_batch_size or size + mail.size > FETCH_BYTES
        if batch and (alone or full):
            yield batch
            batch, size = [], 0
        if alone:
            yield [mail]
        else:
            batch.append(mail)
            size += mail.size
    if batch:
        yield batch
