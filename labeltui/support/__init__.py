"""Whole files, waits between retries, subscribers: used by every layer, and importing none of them."""
