"""All tables in one place, for the migrations: a slice that gets a table names it here."""

from sqlmodel import SQLModel

from config_api.access import tables as access
from config_api.accounts import tables as accounts
from config_api.activities import tables as activities
from config_api.aliases import tables as aliases
from config_api.blocked_extensions import tables as blocked_extensions
from config_api.delivery_exceptions import tables as delivery_exceptions
from config_api.departments import tables as departments
from config_api.idempotency import AnsweredRow
from config_api.inbound import tables as inbound
from config_api.instances import tables as instances
from config_api.jobs import tables as jobs
from config_api.journal import AuditRow, EventRow, OffsetRow, PurgedRow
from config_api.masking import tables as masking
from config_api.notifications import tables as notifications
from config_api.oauth_applications import tables as oauth_applications
from config_api.outbound import tables as outbound
from config_api.preferences import tables as preferences
from config_api.quarantine import tables as quarantine
from config_api.routing import tables as routing

TABLES: tuple[type[SQLModel], ...] = (
    access.TokenRow,
    departments.DepartmentRow,
    AuditRow,
    EventRow,
    OffsetRow,
    PurgedRow,
    preferences.SettingsRow,
    oauth_applications.ApplicationRow,
    accounts.AccountRow,
    accounts.AuthorizationRequestRow,
    aliases.AliasRow,
    aliases.TransitionRow,
    instances.InstanceRow,
    instances.MembershipRow,
    instances.ReplicaRow,
    instances.LeaseRow,
    AnsweredRow,
    delivery_exceptions.DeliveryExceptionRow,
    delivery_exceptions.WithdrawnRow,
    blocked_extensions.BlockedExtensionRow,
    masking.PatternRow,
    masking.ChannelRow,
    routing.QueueRow,
    routing.WorkflowRow,
    routing.WorkflowAliasRow,
    routing.ExceptionAlarmRow,
    activities.ActivityRow,
    activities.AttachmentRow,
    activities.OriginalRow,
    quarantine.BlockedAttachmentRow,
    inbound.LedgerRow,
    outbound.DeliveryRow,
    outbound.RecipientRow,
    outbound.TroubleRow,
    outbound.AcknowledgementRow,
    notifications.NotifiedRow,
    jobs.JobRow,
)
METADATA = SQLModel.metadata
