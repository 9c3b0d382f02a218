"""The screen with three planes of a study and its labels."""
