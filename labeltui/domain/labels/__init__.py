"""Label files: their names and their copies."""
