"""Choosing a pod: GPUs, prices, sizes."""
