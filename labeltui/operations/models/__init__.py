"""Models' weights: listing, copying them to this machine, and sending them to the host."""
