"""Label files: names, copies."""
