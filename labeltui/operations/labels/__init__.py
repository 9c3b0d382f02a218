"""Actions on label copies."""
