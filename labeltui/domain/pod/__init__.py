"""Pods: what RunPod reports of them, their events, load, keys and cost."""
