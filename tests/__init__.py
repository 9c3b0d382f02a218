"""A package, so that ``python -m tests.bench`` finds these tests and not an installed package ``tests``."""
