"""Settings as the docs page shows them, whole and as changes; goes on from `examples`."""

from pydantic import JsonValue

from ece_common.contracts.examples import shown

_PARTITION: dict[str, JsonValue] = {
    "from_on_transfer": "do_not_change",
    "default_smtp_server": "smtp.example.com",
    "default_smtp_protocol": "SMTP",
    "default_smtp_port": 25,
    "smtp_flag": "never",
    "default_smtp_user_name": None,
    "web_server_url": "https://mail.example.com",
    "attachments_allowed": ["pdf"],
    "attachments_blocked": ["exe", "scr"],
    "maximum_email_size": 26214400,
    "action_for_large_email": "skip_and_notify",
    "maximum_body_size": 1048576,
    "message_note_for_large_body": "Email body was too large. It is saved as an attachment",
    "retriever_batch_size": 100,
    "notification_to_address": "postmaster@example.com",
    "notification_from_address": "gateway@example.com",
    "connection_attempts": 3,
    "retry_after_seconds": 600,
    "poll_interval_seconds": 30,
    "bounce_evidence": "delivery_status_first",
    "uncertain_delivery": "hold",
    "events_kept_days": 365,
    "departments_may_override": ["from_on_transfer"],
    "default_smtp_password_set": False,
}
PARTITION = shown(_PARTITION)
PARTITION_CHANGE = shown(
    {"default_smtp_server": "smtp.example.com", "notification_to_address": "postmaster@example.com"},
    {"connection_attempts": 5, "retry_after_seconds": 300, "message_note_for_large_body": None},
)
DEPARTMENT = shown(
    {
        "from_on_transfer": "use_default_alias_of_destination_department",
        "email_for_scan": "inbound_emails_only",
        "block_all_attachments": False,
        "action_on_blocked_attachments": "quarantine",
        "encrypted_archives": "block",
        "outgoing_blocked_attachments": "refuse",
        "overrides": ["from_on_transfer"],
    }
)
DEPARTMENT_CHANGE = shown({"block_all_attachments": True, "action_on_blocked_attachments": "quarantine"})
