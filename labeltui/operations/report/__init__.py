"""``report``: the figures of a session, and the file with them."""
