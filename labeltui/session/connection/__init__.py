"""The connection to the host: link, tunnel, shells and the host's load."""
