"""The agent: one stdlib-only file that runs on the host, and the client that talks to it."""
