"""Choosing a pod to rent: GPUs, prices, disk sizes."""
