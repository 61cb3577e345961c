"""OAuth applications: what the providers know us as, and how they are asked for tokens."""
