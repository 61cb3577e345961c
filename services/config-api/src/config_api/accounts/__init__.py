"""E-mail accounts: who let us into which mailboxes, and the tokens that say so."""
