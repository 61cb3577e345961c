"""Policies in force: what a department's mail goes through, gathered for the workers."""
