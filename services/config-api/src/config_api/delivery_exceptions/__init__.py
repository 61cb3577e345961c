"""Delivery exceptions: the words by which a department knows bounced mail (guide chapter 6)."""
