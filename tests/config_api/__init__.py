"""The Config API against a real Postgres."""
