"""Bytes to a mail one can reason about: pure, and never failing."""

from retriever.parsing.mail import AttachedFile, ParsedMail, Unparsable, parse

__all__ = ["AttachedFile", "ParsedMail", "Unparsable", "parse"]
