"""The server log pane."""
