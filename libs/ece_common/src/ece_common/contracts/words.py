"""What fields mean that many resources have, and those of departments, queues, tokens, settings and the log."""

from ece_common.contracts.described import Words

COMMON: Words = {
    "id": "Its number, given by the system.",
    "name": "What people call it: 1 to 255 characters on one line.",
    "description": "For people: at most 2,000 characters. Default: empty.",
    "department_id": "The department that it belongs to.",
    "alias_id": "The alias's number.",
    "activity_id": "The activity's number.",
    "created_at": "When it was made, in UTC.",
    "updated_at": "When it was last changed, in UTC.",
    "items": "The entries of this page.",
    "next_cursor": "Goes into `cursor` for the next page; null at the end.",
    "instance": "The name of the instance.",
    "replica": "The name of the running process.",
    "epoch": "The lease's number: it grows with every hand-over of the alias, and an old one is refused.",
    "ok": "Whether no step failed.",
    "message": "The result in one sentence.",
    "steps": "Each step in its order.",
    "settings": "The settings that the worker works by.",
    "policies": "What is recognised, blocked and masked.",
    "lease_seconds": "How many seconds a lease lasts from a heartbeat on.",
}
"""For a field that its own resource has no better words for."""

DEPARTMENT: Words = {
    "name": "What people call it; no other department has it. 1 to 255 characters.",
}

QUEUE: Words = {
    "name": "What people call it; no other queue of the department has it.",
    "is_default": "Mail that no workflow takes elsewhere arrives here. Comes with the department.",
    "is_exception": "Delivery reports and mail whose workflow failed arrive here. Comes with the department.",
}

TOKEN: Words = {
    "name": "What the audit log and the list call it.",
    "kind": "`administrator` (default) calls everything that this page shows but the worker side; `retriever` and "
    "`dispatcher` open the worker side of one instance.",
    "instance": "The instance that a worker's token opens; required with these kinds, and only with them.",
    "department_ids": "The departments whose resources it sees. Null: all.",
    "actions": "Which of the guide's actions it allows. Null: all.",
    "expires_at": "When it ends, with its time zone. Null (default): never.",
    "revoked_at": "When it was revoked; null: it was not.",
    "last_used_at": "When it was last presented, to the minute or so; null: never.",
}

ME: Words = TOKEN | {
    "name": "Who the token says is calling: it stands so in the audit log.",
    "kind": "What the token opens. `worker`: the installation's own token for its workers.",
}

EVENT: Words = {
    "type": "What happened: `alias.status_changed`, `activity.created`.",
    "department_id": "Whose it is; null: the partition's.",
    "data": "Facts of the event; which ones depends on its type. No secret and no content of a mail.",
    "at": "When it happened, in UTC.",
    "items": "In the order in which they became visible: none comes later between two that were read.",
    "next_after": "Goes into `after` to go on, also at the end.",
}

AUDIT: Words = {
    "at": "When, in UTC.",
    "principal": "Who: the name of the token, or the part of the system.",
    "action": "What was done: `alias.changed`.",
    "subject": "To what: `alias/7`.",
    "department_id": "Whose it is; null: the partition's.",
}

PROBLEM: Words = {
    "type": "Always `about:blank`: `code` tells problems apart.",
    "title": "The kind of problem, for people.",
    "status": "The HTTP status.",
    "code": "Stable, for programs: `name_taken`, `still_referenced`.",
    "detail": "What is wrong here and what would be right, for people.",
    "errors": "Each field that is not valid.",
    "references": "What still refers to the resource and so keeps it from being deleted.",
}

REFERENCE: Words = {
    "type": "Its kind: `alias`, `queue`, `retriever_instance`.",
    "id": "Its number.",
    "name": "What people call it.",
}
