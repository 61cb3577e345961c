"""Settings of the partition and of each department: kept as what was set, read as what is in force."""
