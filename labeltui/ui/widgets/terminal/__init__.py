"""A terminal inside the console."""
