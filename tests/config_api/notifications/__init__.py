"""Service notifications by mail."""
