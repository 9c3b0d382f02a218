"""The shell pane: tabs, each with a shell on a terminal of its own."""
