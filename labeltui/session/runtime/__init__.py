"""The parts that all others of a session use: store, supervisor and state folder."""
