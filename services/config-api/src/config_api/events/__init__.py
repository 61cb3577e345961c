"""What happened: the feed for other systems, the audit log for people."""
