"""The shapes that cross a service boundary: data only."""
