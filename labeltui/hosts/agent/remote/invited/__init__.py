"""Invited annotators' keys on this host: their lines in authorized_keys, and their SSH connections."""
