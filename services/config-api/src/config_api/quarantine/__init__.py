"""Quarantine: blocked attachments are looked at, restored or deleted (guide chapter 5)."""
