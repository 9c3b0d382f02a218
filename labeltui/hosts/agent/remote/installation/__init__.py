"""The state of the installation on the host, and whether the server can start."""
