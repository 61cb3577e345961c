"""Service notifications: what an administrator is told by mail, once each."""
