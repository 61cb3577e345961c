"""Bodies of connection tests and jobs, as the docs page shows them."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_STEPS: list[JsonValue] = [
    {"side": "incoming", "step": "dns", "outcome": "ok", "detail": "", "hint": ""},
    {"side": "incoming", "step": "tcp", "outcome": "ok", "detail": "", "hint": ""},
    {"side": "incoming", "step": "tls", "outcome": "ok", "detail": "TLSv1.3, certificate verified", "hint": ""},
    {"side": "incoming", "step": "greeting", "outcome": "ok", "detail": "", "hint": ""},
    {
        "side": "incoming",
        "step": "auth",
        "outcome": "failed",
        "detail": "NO [AUTHENTICATIONFAILED] Authentication failed.",
        "hint": "Check user name and password: the server knows no such pair.",
    },
    {"side": "incoming", "step": "select", "outcome": "skipped", "detail": "", "hint": ""},
]
JOB_REQUEST = shown({"kind": "retriever", "instance": "default", "replica": "retriever-0", "wait": 25})
JOB_RESULT = shown({"instance": "default", "replica": "retriever-0", "steps": _STEPS, "milliseconds": 212})
CONNECTION_TEST_REQUEST = shown({"incoming": True, "outgoing": False})
CONNECTION_TEST = shown(
    {
        "ok": False,
        "message": "The incoming server refused the login: NO [AUTHENTICATIONFAILED] Authentication failed.",
        "steps": _STEPS,
    }
)
REPROCESSING = shown({"activity_id": 17, "outcome": "reprocessed", "reason": None})
