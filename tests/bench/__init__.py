"""Benchmarks that measure labeltui and a peer on the same work in the same run."""
