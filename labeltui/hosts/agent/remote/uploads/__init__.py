"""Receives files of studies from a console."""
