"""The load of the host and the space on its volumes."""
