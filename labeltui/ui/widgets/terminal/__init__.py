"""A terminal: bytes from a remote program in, rows on the screen out."""
