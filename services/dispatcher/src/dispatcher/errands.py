"""Jobs of a dispatcher: an outgoing server is tried, by the same steps as real work; nothing is sent."""

from collections.abc import Callable
from dataclasses import replace

from dispatcher.transport.opening import OpenSocket
from dispatcher.transport.probing import probe
from dispatcher.transport.smtp import SmtpOptions
from ece_common.contracts.jobs import ConnectionStep, Job
from ece_common.errors import Invalid
from ece_common.trying import Another

TELLING_SECONDS = 5.0
"""Of a job's time, kept for telling the steps."""


class Errands:
    def __init__(
        self, open_socket: OpenSocket, options: SmtpOptions, another_token: Callable[[str], Another]
    ) -> None:
        """`another_token` is asked for by the id of the job."""
        self._open_socket = open_socket
        self._options = options
        self._another_token = another_token

    async def do(self, job: Job) -> list[ConnectionStep]:
        if job.kind != "test_outgoing" or job.outgoing is None or job.mail_from is None:
            raise Invalid(f"a dispatcher cannot do a job of kind {job.kind!r} with what came with it")
        options = self._within(max(job.seconds - TELLING_SECONDS, 1.0))
        return await probe(job.outgoing, job.mail_from, self._open_socket, options, self._another_token(job.id))

    def _within(self, seconds: float) -> SmtpOptions:
        """A server that does not answer is named with the step, not left to the end of the job."""
        patient, most = self._options.timeouts, seconds / 2
        brisk = replace(patient, connect=min(patient.connect, most), command=min(patient.command, most))
        return replace(self._options, timeouts=brisk)
