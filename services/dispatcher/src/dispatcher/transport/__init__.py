"""Where mail goes."""
