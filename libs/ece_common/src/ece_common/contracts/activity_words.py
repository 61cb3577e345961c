"""What the fields of activities, deliveries and workflows mean."""

from ece_common.contracts.described import Words

_PRIORITY = "1 (the most urgent) to 10; null: none. Set by the workflow."

ACTIVITY: Words = {
    "alias_id": "The alias that it came to or goes out from; null: the system's own mail.",
    "queue_id": "The queue it waits in; one of its own department. Null: outgoing mail waits in none.",
    "direction": "`inbound`: it came in. `outbound`: a reply or a new message.",
    "subtype": "`email`, `auto_reply`, `complaint`; `email_permanent_undeliverable` and "
    "`email_temporary_undeliverable`: a bounce; `unparsed`: its content could not be read.",
    "status": "`new`, `assigned`, `in_progress` or `completed`. Of an outgoing one it follows the delivery.",
    "assigned_to": "Who works on it; null: nobody.",
    "from": "The sender's address; null: the mail names none that could be read.",
    "from_name": "The sender's name.",
    "to": "Addresses of To.",
    "cc": "Addresses of Cc.",
    "bcc": "Addresses that get it unseen by the others.",
    "reply_to": "Addresses that answers go to instead of From.",
    "subject": "The decoded subject.",
    "text": "The plain text; null: there is none.",
    "html": "The HTML as it came, not made safe: show it in a frame without scripts. Null: there is none.",
    "headers": "All fields of the mail's head, in their order.",
    "message_id": "The mail's Message-ID.",
    "in_reply_to": "The Message-ID of the mail that it answers.",
    "parent_id": "The activity that it answers.",
    "received_at": "When the mail server got it, in UTC.",
    "created_at": "When it came into the system, in UTC.",
    "updated_at": "When something of it last changed, in UTC.",
    "unparsed_reason": "Why its content could not be read; null: it was.",
    "priority": _PRIORITY,
    "due_at": "When an answer is due: `service_level_minutes` of the workflow's rule after it came in. Null: not "
    "set.",
    "tags": "Words that workflow rules put on it.",
    "routing_error": "The rule that failed on this mail, which therefore went to the exception queue; null: none.",
    "attachments": "Its files, numbered from 1; content by `activities_attachment`.",
}

ATTACHMENT: Words = {
    "n": "Its number in the mail.",
    "name": "The file's name.",
    "content_type": "The media type, such as `application/pdf`.",
    "content_base64": "The file in base64 (RFC 4648).",
    "size": "In bytes, decoded.",
    "state": "`available`; `quarantined`: blocked and kept apart; `deleted`: blocked, content not kept.",
    "inline": "Whether it is shown inside the HTML.",
    "content_id": "By which name the HTML shows it (`cid:`).",
}

HEADER: Words = {"name": "The field's name.", "value": "The field's value."}

LETTER: Words = {
    "text": "The plain text. `text` or `html` is required.",
    "html": "The HTML..",
    "to": "Addresses. Of a reply left out: those that the mail asks answers to be sent to.",
    "cc": "Addresses. Default: none.",
    "bcc": "Addresses that get it unseen by the others. Default: none.",
    "subject": "One line. Of a reply left out: `Re:` and the mail's subject.",
    "from_address": "Left out: of a reply the address that the customer wrote to, of a new message the "
    "department's default alias. Another one has to be an address of the same alias, or of an alias of the "
    "department.",
    "attachments": "At most 100 files. Blocked ones are refused or left out, as the department's settings say.",
    "department_id": "The department it goes to.",
    "queue_id": "A queue of that department. Left out: its default queue.",
}

DELIVERY: Words = {
    "activity_id": "The outgoing activity.",
    "status": "`queued` (waits for an attempt), `sending`, `sent`, `failed`, `cancelled`; `uncertain`: the "
    "connection broke after all was sent, and nobody knows; see the setting `uncertain_delivery`.",
    "attempts": "How many attempts there were.",
    "next_attempt_at": "When it is tried next, in UTC; null: not by itself.",
    "last_error": "What went wrong last; null: nothing.",
    "recipients": "How far each recipient is.",
}

RECIPIENT: Words = {
    "address": "The recipient's address.",
    "kind": "`to`, `cc`, `bcc`, or by whose setting it gets it: `automatic_bcc`, `send_mail_to`.",
    "status": "`queued`, `sent`, `failed`, `uncertain` or `cancelled`.",
    "smtp_code": "The server's code, such as 550; null: it gave none.",
    "enhanced_code": "The enhanced status code (RFC 3463), such as 5.1.1.",
    "smtp_reply": "The server's own words.",
    "bounced_by": "The activity of the bounce that came back; null: none did.",
}

WORKFLOW: Words = {
    "name": "What people call it; no other workflow of the department has it.",
    "active": "Whether it is applied. Default true. An alias has one active workflow at most.",
    "on_exception_queue": "True: it is given what enters the department's exception queue, such as delivery "
    "reports. Default false: mail that comes to `alias_ids`.",
    "alias_ids": "Aliases of the department whose mail it takes; with `on_exception_queue`, none named is all. "
    "Replaces the whole list. Default: empty.",
    "rules": "Looked at in this order; at most 100. Replaces the whole list. Default: empty.",
}

RULE: Words = {
    "name": "What people call it; no other rule of the workflow has it.",
    "actions": "What happens to a mail that it matches.",
    "queue_id": "The queue the mail goes to, of the same department. Left out: the default queue, or that of an "
    "earlier rule.",
    "priority": _PRIORITY,
    "auto_acknowledge": "An automatic answer to the sender. Left out: none.",
    "tags": "Words to put on the activity: at most 20 of 64 characters. Default: none.",
    "text": "The answer's text, with the same placeholders.",
    "at_most_per_day": "How many such answers one address gets from the department within a day: 1 to 20, default 3.",
}

TRIAL: Words = {
    "activity_id": "An activity of the department.",
    "mail": "A mail that need not be there.",
    "from": "The sender's address.",
    "from_name": "The sender's name.",
    "to": "Addresses.",
    "cc": "Addresses.",
    "reply_to": "Addresses.",
    "subject": "The decoded subject.",
    "text": "The plain body.",
    "html": "The HTML body.",
    "subtype": "What it is recognised as. Default `email`.",
    "alias": "The address of the alias that it came to.",
    "headers": "Fields of its head.",
    "size": "In bytes. Default 0.",
    "received_at": "When the mail server got it.",
    "auto_submitted": "The field Auto-Submitted (RFC 3834).",
    "queue_id": "Where it would go; null: to the default queue.",
    "priority": _PRIORITY,
    "due_at": "When an answer would be due; null: not set.",
    "tags": "The words it would get.",
    "routing_error": "The rule that fails on it; null: none.",
}

REPROCESSING: Words = {
    "outcome": "`reprocessed` or `still_unparsed`.",
    "reason": "Why it still cannot be read; null: it can.",
}
