"""Watches the MONAI Label server: its process, its log and its REST API."""
