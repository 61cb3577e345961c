"""Our rates beside those of peers, measured in one run on the same mail and the same machine."""
