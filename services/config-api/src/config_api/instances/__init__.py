"""Instances, replicas, leases and assignments: who works on which alias."""
