"""Jobs: what somebody waits for at the Config API and a worker does, where the network path is the real one."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ece_common.contracts import activity_words, alias_words, job_examples, worker_answer_examples, worker_words
from ece_common.contracts.base import Sent, ServiceKind, Strict
from ece_common.contracts.instances import IncomingAccess, OutgoingAccess, ReplicaName, RetrieverSettings
from ece_common.contracts.policies import DepartmentPolicies

JobKind = Literal["test_incoming", "test_outgoing", "reprocess"]
JOB_SERVICE: dict[JobKind, ServiceKind] = {
    "test_incoming": "retriever",
    "test_outgoing": "dispatcher",
    "reprocess": "retriever",
}
"""Which kind of worker does it."""

Side = Literal["incoming", "outgoing"]
Step = Literal["token", "dns", "tcp", "tls", "greeting", "auth", "select", "move_to", "mail_from"]
StepOutcome = Literal["ok", "warning", "failed", "skipped"]


def _storable(value: str) -> str:
    """A server may say anything; what Postgres cannot hold is replaced."""
    return value.replace("\x00", "\ufffd")


Words = Annotated[str, Field(max_length=1000), AfterValidator(_storable)]


class ConnectionStep(Strict, words=alias_words.CONNECTION):
    """One step of a connection test. `detail` holds the server's own words, without secrets; `hint` what to do."""

    side: Side
    step: Step
    outcome: StepOutcome
    detail: Words = ""
    hint: Words = ""


class JobRequest(Strict, words=worker_words.WORKER):
    """Ask for a job. Answers as soon as there is one, at the latest after `wait` seconds with none."""

    model_config = job_examples.JOB_REQUEST

    kind: ServiceKind
    instance: ReplicaName
    replica: ReplicaName
    wait: Annotated[float, Field(ge=0, le=60)] = 0


class Job(Sent, words=worker_words.WORKER):
    """One job, for this replica alone as long as `seconds`. Of the accesses, the one its kind needs is there."""

    id: str
    kind: JobKind
    seconds: float
    incoming: IncomingAccess | None = None
    move_to: str | None = None
    outgoing: OutgoingAccess | None = None
    mail_from: str | None = None
    activity_id: int | None = None
    """`reprocess`: its original is fetched by `GET /v1/worker-jobs/{id}/original`."""
    settings: RetrieverSettings | None = None
    policies: DepartmentPolicies | None = None


class JobAnswer(Sent, words=worker_words.WORKER):
    model_config = worker_answer_examples.JOB_ANSWER

    job: Job | None


class JobResult(Strict, words=worker_words.WORKER):
    """How a connection test went, or (`problem`) why a job could not be done. The first result counts."""

    model_config = job_examples.JOB_RESULT

    instance: ReplicaName
    replica: ReplicaName
    steps: Annotated[list[ConnectionStep], Field(max_length=50)] = []
    milliseconds: Annotated[int, Field(ge=0, lt=2**31)] = 0
    problem: Words | None = None


class ConnectionTestRequest(Strict, words=alias_words.CONNECTION):
    """Which sides to test; both when left out."""

    model_config = job_examples.CONNECTION_TEST_REQUEST

    incoming: bool = True
    outgoing: bool = True


class ConnectionTest(Sent, words=alias_words.CONNECTION):
    """`ok` when no step failed. `message` is "Connection established successfully" then, else what failed."""

    model_config = job_examples.CONNECTION_TEST

    ok: bool
    message: str
    steps: list[ConnectionStep]


class Reprocessing(Sent, words=activity_words.REPROCESSING):
    """`reprocessed`: the activity has its content now. `still_unparsed`: it stays as it was, for that reason."""

    model_config = job_examples.REPROCESSING

    activity_id: int
    outcome: Literal["reprocessed", "still_unparsed"]
    reason: str | None = None
