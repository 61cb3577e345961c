"""The dispatcher: from the outbound queue to SMTP servers."""
