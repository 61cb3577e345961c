"""Settings of the partition and of departments."""
