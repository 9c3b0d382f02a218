"""Copies submitted labels to this machine."""
