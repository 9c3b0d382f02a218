"""Invites annotators: a key that only reaches the server, and a text with everything they need."""
