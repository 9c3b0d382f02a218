"""The machines that labeltui works on, and the agent that it runs there."""
