"""Blocked file extensions: what a department lets nobody send it (guide chapter 5)."""
