"""Trainings: their state, and the log lines it is read from."""
