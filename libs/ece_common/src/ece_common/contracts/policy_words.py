"""What the fields of blocked files, delivery exceptions and masking mean."""

from ece_common.contracts.described import Words

BLOCKED_EXTENSION: Words = {
    "name": "What people call it.",
    "blocked_file_extension": "The end of a file's name: `exe`, `.EXE` and `*.exe` are stored as `.exe`. Files "
    "inside archives and files under a false name are found too. The partition's `attachments_allowed` exempts "
    "from it.",
}

BLOCKED_ATTACHMENT: Words = {
    "department_id": "The department of its activity.",
    "activity_id": "The activity that it came with.",
    "direction": "`inbound`, or `outbound` where outgoing mail is scanned.",
    "name": "The file's name.",
    "content_type": "The media type that the mail gave it.",
    "size": "In bytes, decoded.",
    "reason": "Why it is blocked, for people.",
    "blocked_at": "When, in UTC.",
}

DELIVERY_EXCEPTION: Words = {
    "name": "What people call it.",
    "type": "Where the phrase is looked for. `address`: in what stands before the @ of From. `subject`: in the "
    "subject.",
    "phrase": "A word or phrase of 1 to 255 characters, without @. It is found anywhere in the text; capitals and "
    "accents make no difference, blanks at its ends do.",
    "failure": "What a mail with it is. `permanent`: sending again does not help. `temporary`: it may. Of several "
    "that match, a permanent one decides.",
}

BOUNCE_TRIAL: Words = {
    "from": "The address in the mail's From.",
    "subject": "The decoded subject.",
}

MATCHED_PHRASE: Words = DELIVERY_EXCEPTION | {
    "id": "The delivery exception's number.",
    "found_in": "Where it was found: `from`, `subject`, or `raw_subject` (as sent, with encoded words).",
}

PATTERN: Words = {
    "name": "What people call it; no other pattern has it, and an import overwrites the one of the same name.",
    "active": "Only active patterns can be applied by a channel; one that a channel applies stays active. Default "
    "true.",
    "masking_character": "What stands in place of each masked character: `*` (default), `-`, `#`, `X` or `x`.",
    "java_regular_expression": "What to look for, in Java's syntax. This is the one that is run on mail.",
    "javascript_regular_expression": "The same in JavaScript's syntax, for programs in a browser. Left out: as "
    "the Java one.",
    "unmask_from_left": "How many characters at the beginning of a match stay readable: 0 (default) to 1,000. "
    "Where left and right together would leave all of a match readable, all of it is masked.",
    "unmask_from_right": "How many characters at the end of a match stay readable: 0 (default) to 1,000; see "
    "`unmask_from_left`.",
    "apply_luhn": "True: a match is masked only when its digits pass the Luhn check, as card numbers do. Default "
    "false.",
}

CHANNEL: Words = {
    "mask_incoming": "Whether mail that comes in is masked before it is stored: subject, bodies and headers, not "
    "attachments. Default false.",
    "mask_outgoing": "Whether replies and new messages are masked before they are stored and sent: subject, "
    "bodies and headers, not attachments. Default false.",
    "pattern_ids": "The active patterns, in the order in which they are applied: each sees what the one before "
    "left. Replaces the whole list. Default: empty.",
    "departments_may_override": "Whether a department may take its configuration over. False (default): the "
    "partition's counts for all.",
    "own": "Whether the department decides for itself. True takes the configuration over from the partition as it "
    "is, and later changes of the partition do not reach it; false gives it back.",
}

MASKING_TRIAL: Words = {
    "text": "The text: to try the patterns on, or as it would be stored.",
    "subject": "The subject, likewise.",
    "pattern_ids": "Stored patterns, active or not, in the order in which they are tried.",
    "pattern": "One more, tried last; it need not be stored.",
    "start": "The first character of the match, counted from 0.",
    "end": "The first character after the match.",
    "subject_matches": "In `subject`.",
}

SPAN: Words = MASKING_TRIAL | {"pattern": "The name of the pattern that found it."}

IMPORTED: Words = {
    "created": "Names of the patterns that are new.",
    "overwritten": "Names of the patterns that were there and are now as in the file.",
}
