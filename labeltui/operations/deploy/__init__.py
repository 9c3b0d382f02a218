"""Rents a pod, installs MONAI Label on it and starts the server."""
