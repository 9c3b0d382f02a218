"""Rules on the whole session state: when an action is possible, and what to ask before it."""
