"""Jobs: what a request waits for and a worker does."""
