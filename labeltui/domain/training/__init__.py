"""Training runs: their state, and the log lines they are read from."""
