"""MONAI Label: its REST client, its installation on a host, and its command line."""
