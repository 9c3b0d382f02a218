"""The studies of a server: their labels, and the fetches, work and reviews of annotators."""
