"""Connection tests: does an alias get in, step by step (R191 to R196)."""
