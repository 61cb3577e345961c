"""Jobs of a dispatcher: an outgoing server is tried, by the same steps as real work; nothing is sent."""

from dispatcher.transport.opening import OpenSocket
from dispatcher.transport.probing import probe
from dispatcher.transport.smtp import SmtpOptions
from ece_common.contracts.jobs import ConnectionStep, Job
from ece_common.errors import Invalid


class Errands:
    def __init__(self, open_socket: OpenSocket, options: SmtpOptions) -> None:
        self._open_socket = open_socket
        self._options = options

    async def do(self, job: Job) -> list[ConnectionStep]:
        if job.kind != "test_outgoing" or job.outgoing is None or job.mail_from is None:
            raise Invalid(f"a dispatcher cannot do a job of kind {job.kind!r} with what came with it")
        return await probe(job.outgoing, job.mail_from, self._open_socket, self._options)
