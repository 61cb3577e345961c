"""Delivery exceptions over REST."""
