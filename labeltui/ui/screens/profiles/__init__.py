"""The first screen, and the list and the forms of profiles."""
