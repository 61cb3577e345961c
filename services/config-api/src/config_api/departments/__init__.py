"""Departments: what aliases, queues and settings are grouped by."""
