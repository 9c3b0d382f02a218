"""The server's log: its lines, events, errors and their meaning, filters and searches."""
