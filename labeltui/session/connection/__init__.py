"""The connection to the host: link, tunnel, shells."""
