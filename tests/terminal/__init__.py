"""What terminals are shown in the tests, and what tmux makes of it."""
