"""Watches the RunPod pod: account, events, spending, guard, and how it is reached."""
