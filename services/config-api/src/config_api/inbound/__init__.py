"""What retrievers hand in: taken once, whatever is repeated."""
