"""Actions on pods and on the guard."""
