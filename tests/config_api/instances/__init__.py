"""Instances, leases and assignments."""
