"""What an annotation session is made of: frozen values and pure functions, no I/O and no clock."""
