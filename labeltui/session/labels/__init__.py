"""Copies submitted labels to this desk."""
