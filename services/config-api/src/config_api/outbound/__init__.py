"""What goes out: written by people, claimed and reported by dispatchers."""
