"""Tables: rows that a caller draws, and studies in columns that can be sorted, filtered and marked."""
