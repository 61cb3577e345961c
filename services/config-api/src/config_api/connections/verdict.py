"""What the steps of a connection test amount to, in one sentence. Pure."""

from collections.abc import Sequence

from ece_common.contracts.jobs import ConnectionStep, ConnectionTest, Side, Step

SUCCESS = "Connection established successfully"
"""R195, to the letter."""
_FAILED: dict[Step, str] = {
    "token": "No access token could be had for the {side} server",
    "dns": "The name of the {side} server cannot be resolved",
    "tcp": "The {side} server cannot be reached",
    "tls": "No secure connection to the {side} server could be made",
    "greeting": "The {side} server did not greet as expected",
    "auth": "The {side} server refused the login",
    "select": "The mailbox's folder cannot be opened",
    "move_to": "The folder that `move_to` names cannot be used",
    "mail_from": "The outgoing server refused the alias as sender",
}

_NOT_TRIED = "The {side} server could not be tried"
"""Whatever kept the worker from it: no token, a password that no key opens, too little time."""


def conclude(steps: Sequence[ConnectionStep]) -> ConnectionTest:
    failed = [one for one in steps if one.outcome == "failed"]
    message = "; ".join(_sentence(one, alone=_alone(one, steps)) for one in failed) if failed else SUCCESS
    return ConnectionTest(ok=not failed, message=message, steps=list(steps))


def undone(side: Side, problem: str) -> ConnectionStep:
    """The worker could not begin."""
    return ConnectionStep(side=side, step="token", outcome="failed", detail=problem[:1000])


def _alone(step: ConnectionStep, steps: Sequence[ConnectionStep]) -> bool:
    """Nothing was tried on its side: see `undone`."""
    return step.step == "token" and not any(one.side == step.side and one.step != "token" for one in steps)


def _sentence(step: ConnectionStep, *, alone: bool) -> str:
    told = (_NOT_TRIED if alone else _FAILED[step.step]).format(side=step.side)
    return f"{told}: {step.detail}" if step.detail else told
