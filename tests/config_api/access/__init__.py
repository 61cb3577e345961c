"""Tokens and how far they reach."""
