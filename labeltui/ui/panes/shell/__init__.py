"""The shell pane. Each tab has its own shell and terminal."""
