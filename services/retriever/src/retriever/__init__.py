"""The retriever: from mailboxes into the Config API."""
