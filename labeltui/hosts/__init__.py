"""The machines that labeltui connects to, and the agent that runs on them."""
