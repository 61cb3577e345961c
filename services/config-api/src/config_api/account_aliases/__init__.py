"""Aliases inside accounts: how they are made, and what becomes of them when they leave."""
