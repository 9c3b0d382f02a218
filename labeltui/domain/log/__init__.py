"""The grammar of the server's log: lines, events, meaning, errors, filters."""
