"""Turns values of the domain into words, colours and rows."""
