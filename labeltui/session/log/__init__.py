"""Stores, merges and searches the server's log."""
