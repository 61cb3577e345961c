"""Reprocessing: mail that nothing could read is read again."""
