"""Watches the RunPod pod: its account, events, spending, guard and connection."""
