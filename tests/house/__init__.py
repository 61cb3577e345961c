"""Rules of the house that no stock linter knows."""
