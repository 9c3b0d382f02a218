"""The idle guard: its rules, and the state it reports."""
