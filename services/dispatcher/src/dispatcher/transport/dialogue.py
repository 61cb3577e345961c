"""One exchange with an SMTP server, and what the library's many failures mean for a conversation."""

import ssl

import aiosmtplib
from aiosmtplib import SMTPResponse

from dispatcher.transport.port import Conversation, Stage, Trouble


class Ended(Exception):
    """The conversation ended before its letter was through."""

    def __init__(self, conversation: Conversation) -> None:
        super().__init__(conversation.detail or conversation.stage.value)
        self.conversation = conversation


async def say(smtp: aiosmtplib.SMTP, stage: Stage, *command: bytes) -> SMTPResponse:
    """Raises Ended when there is no reply."""
    try:
        return await smtp.execute_command(*command)
    except aiosmtplib.SMTPException as lost:
        raise Ended(without_reply(stage, lost)) from None


def without_reply(stage: Stage, problem: BaseException) -> Conversation:
    """The library wraps the cause, or is not told it: what broke is read from the whole chain.

    TLS is to blame only until it stands: after that a broken record is a broken connection like any other.
    """
    if stage in (Stage.GREETING, Stage.TLS) and (broken := _tls_error(problem)) is not None:
        return Conversation(Stage.TLS, trouble=Trouble.TLS, detail=str(broken))
    if isinstance(problem, TimeoutError):
        detail = str(problem) or "The server did not answer in time."
        return Conversation(stage, trouble=Trouble.TIMED_OUT, detail=detail)
    return Conversation(stage, trouble=Trouble.LOST, detail=str(problem))


def _tls_error(problem: BaseException | None) -> ssl.SSLError | None:
    while problem is not None and not isinstance(problem, ssl.SSLError):
        problem = problem.__cause__
    return problem
