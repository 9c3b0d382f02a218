"""The studies of a server: what is known of each, and what people do with it."""
