"""The stand-in's REST API."""
