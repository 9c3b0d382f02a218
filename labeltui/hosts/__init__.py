"""A machine that can be worked on, and the agent that runs there."""
