"""What every service of the e-mail gateway shares."""
