"""The support bundle: what labeltui knows about a problem, without secrets and names."""
