"""What each setting means: its values, unit and default, what it depends on and who inherits it."""

from ece_common.contracts.described import Words

SHARED: Words = {
    "from_on_transfer": "From address of answers to an activity that came from another department. "
    "`do_not_change` (default): the alias that the mail came to. `use_default_alias_of_destination_department`: "
    "the default alias of the department where it is now. The partition's value counts for every department that "
    "sets none itself.",
}

PARTITION: Words = SHARED | {
    "default_smtp_server": "Name or IP address of the server that sends what has no alias: mail of deleted "
    "aliases and the system's notifications. Default: none, and such mail fails until there is one.",
    "default_smtp_protocol": "`SMTP` (default) sends without a login; `ESMTP` logs in with "
    "`default_smtp_user_name` and `default_smtp_password`.",
    "default_smtp_port": "Default 25. On 465 TLS begins at once; on any other port the connection is upgraded "
    "when the server offers STARTTLS.",
    "smtp_flag": "What happens when `default_smtp_server` refuses the ESMTP login. `never` (default): the mail "
    "waits. `when_authorization_fails`: it is sent without a login. For an alias the same is `outgoing.use_smtp`.",
    "default_smtp_user_name": "For the ESMTP login. Default: none.",
    "default_smtp_password": "For the ESMTP login. Write-only; needed again when server or port changes; null "
    "removes it.",
    "default_smtp_password_set": "Whether a password is stored.",
    "web_server_url": "Address by which browsers reach this service, or its load balancer: https, or http on this "
    "machine. OAuth sign-ins come back to `<web_server_url>/oauth/callback`, which the provider has to know. "
    "Default: none, and no sign-in can begin.",
    "attachments_allowed": "File extensions that a department's own list does not block. This is no list of the "
    "only ones allowed: what stands in no list comes in. `attachments_blocked` and a department's "
    "`block_all_attachments` block them all the same. With or without the dot, in any case. Default: empty.",
    "attachments_blocked": "File extensions blocked in every department, whatever `attachments_allowed` or the "
    "department's own list says. With or without the dot, in any case. Default: empty.",
    "maximum_email_size": "In bytes, 1,024 to 157,286,400 (150 MiB); default 26,214,400 (25 MiB). A larger mail "
    "is not retrieved: see `action_for_large_email`.",
    "action_for_large_email": "What becomes of a mail over `maximum_email_size`. `skip_and_notify` (default): it "
    "stays on the mail server. `delete_and_notify`: it is deleted there. Either way it is an event and a "
    "notification.",
    "maximum_body_size": "In bytes of UTF-8, 10,240 to 10,485,760 (10 MiB); default 1,048,576 (1 MiB). A larger "
    "text or HTML body becomes an attachment, with `message_note_for_large_body` in its place.",
    "message_note_for_large_body": "The text that stands where a body was too large: at most 255 characters. "
    'Default: "Email body was too large. It is saved as an attachment".',
    "retriever_batch_size": "How many mails a retriever takes from one mailbox at a time: 1 to 250, default 100.",
    "notification_to_address": "Who is mailed when an alias becomes inactive, a mail is too large or a secret "
    "runs out. Default: nobody; the event feed tells the same. Needs `notification_from_address` and "
    "`default_smtp_server` too.",
    "notification_from_address": "The sender of these notifications. Default: none, and none is sent.",
    "connection_attempts": "After how many failed attempts in a row an alias becomes inactive: 1 to 100, default 3.",
    "retry_after_seconds": "After how many seconds an alias that the system made inactive, for a reason that may "
    "pass, is tried again: 1 to 86,400, default 600.",
    "poll_interval_seconds": "How many seconds a mailbox waits between two looks: 1 to 86,400, default 30. An "
    "IMAP server that announces new mail (IDLE) is heard at once.",
    "bounce_evidence": "How a bounce is known. `delivery_status_first` (default): by the server's "
    "machine-readable delivery report where there is one, else by the department's delivery exceptions. "
    "`phrases_only`: by the delivery exceptions alone.",
    "uncertain_delivery": "What becomes of a message whose connection broke after all of it was sent, before the "
    "server answered. `hold` (default): its delivery is `uncertain` until somebody retries it. `resend`: it is "
    "sent again, and the customer may get it twice.",
    "events_kept_days": "Events older than so many days leave the event feed, so a reader has to come more often: "
    "7 to 3,650, default 365. The audit log is kept for ever.",
    "departments_may_override": "Which settings a department may set for itself: `from_on_transfer` (default), or "
    "an empty list. What a department set before is kept, but does not count while its name is missing here.",
}

DEPARTMENT: Words = SHARED | {
    "email_for_scan": "Whose attachments are scanned for what is blocked: `inbound_emails_only` (default) or "
    "`both_inbound_and_outbound_emails`.",
    "block_all_attachments": "True: every attachment is blocked, whatever any list says. Default false: "
    "`attachments_blocked` of the partition comes first, then its `attachments_allowed`, then the department's "
    "blocked file extensions.",
    "action_on_blocked_attachments": "`quarantine` (default): kept apart, where it can be looked at, restored or "
    "deleted. `delete`: its content is not stored.",
    "encrypted_archives": "Attachments that nobody here can look into: archives that are encrypted or cannot be "
    "opened, mail that is signed or encrypted as a whole, pieces of a mail. `block` (default): they count as "
    "blocked, where any extension is blocked. `allow`: they are let through.",
    "outgoing_blocked_attachments": "A reply or new message with a blocked attachment, where outgoing mail is "
    "scanned. `refuse` (default): it is answered 422, naming the file. `strip`: it is sent without the file.",
    "overrides": "The settings that the department sets itself; all others are inherited or have their defaults.",
}
