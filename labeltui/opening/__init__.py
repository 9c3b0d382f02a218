"""Builds a running session from a profile or the demo."""
