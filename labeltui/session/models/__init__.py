"""The host's models, and their copies on this machine."""
