"""Pods: RunPod's reports of them, their events, load, SSH keys and cost."""
