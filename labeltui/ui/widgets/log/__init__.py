"""The log view: a line API widget over the log store."""
