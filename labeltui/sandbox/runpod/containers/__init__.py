"""What runs behind an emulated pod: its container, and the proxy shell to it."""
