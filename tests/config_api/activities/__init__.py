"""Activities: how mail comes in, and what may be done to it."""
