"""Checks everything from the account to the training, and says what to do."""
