"""The parts that all others of a session use: store, supervisor, journal and state folder."""
