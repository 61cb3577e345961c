"""Aliases: the addresses customers write to, with their servers and their status."""
