"""Rules over the whole session state: when an action is possible, and what it asks first."""
