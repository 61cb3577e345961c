"""All tables in one place, for the migrations: a slice that gets a table names it here."""

from sqlmodel import SQLModel

from config_api.access import tables as access
from config_api.departments import tables as departments
from config_api.journal import AuditRow, EventRow

TABLES: tuple[type[SQLModel], ...] = (
    access.TokenRow,
    departments.DepartmentRow,
    AuditRow,
    EventRow,
)
METADATA = SQLModel.metadata
