"""What every part of a session is built on: store, supervisor, journal and state folder."""
