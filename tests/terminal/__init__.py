"""Terminal input for the tests, and the screens that tmux makes of it."""
