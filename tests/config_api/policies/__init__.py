"""Policies as the workers get them."""
