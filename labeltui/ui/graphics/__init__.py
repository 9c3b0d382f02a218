"""Pictures on terminals that can show them: what the terminal can do, and the sequences that it takes."""
