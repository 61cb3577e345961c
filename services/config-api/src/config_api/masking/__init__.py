"""Data masking: patterns, and the channels that apply them."""
