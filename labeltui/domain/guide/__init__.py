"""The session as a list of steps, each with the state that the newest snapshot shows."""
