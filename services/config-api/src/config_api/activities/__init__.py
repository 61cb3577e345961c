"""Activities: one e-mail each, in or out, with its attachments and its original."""
