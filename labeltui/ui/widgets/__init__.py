"""Widgets for text, logs and terminals, without knowledge of panes or screens."""
