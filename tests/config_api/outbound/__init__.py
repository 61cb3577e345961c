"""Replies, the outbound queue, and what becomes of messages."""
