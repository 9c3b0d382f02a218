"""Profiles: one validated TOML file. Each value knows the file and line it came from."""
