"""The agent: the package that runs on the host (``remote``), and the client that talks to it."""
