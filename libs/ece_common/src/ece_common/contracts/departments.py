"""Departments: the groups that aliases, queues and settings belong to."""

from datetime import datetime

from ece_common.contracts.base import Name, Note, Sent, Strict


class NewDepartment(Strict):
    name: Name
    description: Note = ""


class DepartmentChange(Strict):
    """RFC 7396 merge patch."""

    name: Name | None = None
    description: Note | None = None


class Department(Sent):
    id: int
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class Queue(Sent):
    """Where activities of a department wait for a person."""

    id: int
    department_id: int
    name: str
    description: str
    is_default: bool
    is_exception: bool
    created_at: datetime
    updated_at: datetime


class NewQueue(Strict):
    name: Name
    description: Note = ""


class QueueChange(Strict):
    """RFC 7396 merge patch."""

    name: Name | None = None
    description: Note | None = None
