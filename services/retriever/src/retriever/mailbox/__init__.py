"""Where mail comes from: the port and its two adapters, IMAP and POP3."""
