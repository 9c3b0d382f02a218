"""The values of an annotation session, frozen, and pure functions on them: no I/O and no clock."""
