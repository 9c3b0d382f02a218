"""Dialogs that any screen can use: confirm, prompt, pick, find, fill in a form."""
