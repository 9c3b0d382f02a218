"""Checks every part from the account to the training, and shows how to fix problems."""
