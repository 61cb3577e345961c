"""Who may call: tokens, and the one place where a caller is checked."""
