"""The Config API: the one owner of the database."""
