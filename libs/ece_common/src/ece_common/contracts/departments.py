"""Departments: the groups that aliases, queues and settings belong to."""

from datetime import datetime

from ece_common.contracts import examples, words
from ece_common.contracts.base import Name, Note, Sent, Strict


class NewDepartment(Strict, words=words.DEPARTMENT):
    model_config = examples.NEW_DEPARTMENT

    name: Name
    description: Note = ""


class DepartmentChange(Strict, words=words.DEPARTMENT):
    """RFC 7396 merge patch."""

    model_config = examples.DEPARTMENT_CHANGE

    name: Name | None = None
    description: Note | None = None


class Department(Sent, words=words.DEPARTMENT):
    model_config = examples.DEPARTMENT

    id: int
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class Queue(Sent, words=words.QUEUE):
    """Where activities of a department wait for a person."""

    model_config = examples.QUEUE

    id: int
    department_id: int
    name: str
    description: str
    is_default: bool
    is_exception: bool
    created_at: datetime
    updated_at: datetime


class NewQueue(Strict, words=words.QUEUE):
    model_config = examples.NEW_QUEUE

    name: Name
    description: Note = ""


class QueueChange(Strict, words=words.QUEUE):
    """RFC 7396 merge patch."""

    model_config = examples.QUEUE_CHANGE

    name: Name | None = None
    description: Note | None = None
