"""labeltui: the operator console for a medical-image annotation session."""

__version__ = "0.1.0"
