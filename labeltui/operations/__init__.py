"""The operations that the actions run. ``table`` maps each action to its operation."""
