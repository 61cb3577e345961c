"""The retriever."""
