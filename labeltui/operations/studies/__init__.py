"""Actions on the studies and their queue."""
