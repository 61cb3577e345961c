"""Aliases over REST, and their status."""
