"""Bounces, automatic replies and complaints."""
