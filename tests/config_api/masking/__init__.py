"""Data masking over REST."""
