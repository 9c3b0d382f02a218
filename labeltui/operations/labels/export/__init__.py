"""``labels export``: the labels on this machine as a folder or a zip file."""
