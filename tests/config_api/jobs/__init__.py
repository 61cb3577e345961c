"""Jobs over REST: asked for, claimed, done; connection tests and mail read again."""
