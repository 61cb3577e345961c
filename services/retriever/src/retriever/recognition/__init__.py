"""Bounces, automatic replies and complaints, known by what they say and not only by a list of phrases: pure."""

from retriever.recognition.decision import Recognised, recognise

__all__ = ["Recognised", "recognise"]
