"""A stand-in for MONAI Label 0.8.5: its command line, its log, its REST API, and a small model that learns."""
