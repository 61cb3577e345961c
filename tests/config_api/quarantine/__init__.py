"""Blocked attachments over REST, and what leaves."""
