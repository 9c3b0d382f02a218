"""Profiles: one TOML file, validated, where each value knows which file and line it came from."""
