"""Pane 4: the studies."""
