"""Benchmarks: each figure beside its peer's, on the same work, in the same run."""
