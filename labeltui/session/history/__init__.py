"""What earlier sessions of a profile did and saw: one SQLite file that consoles and commands share."""
