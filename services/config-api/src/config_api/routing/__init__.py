"""Queues: where the activities of a department wait for a person."""
