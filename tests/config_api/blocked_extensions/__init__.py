"""Blocked file extensions over REST."""
