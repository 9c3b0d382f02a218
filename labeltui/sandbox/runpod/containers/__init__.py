"""What runs behind an emulated pod: a container of the demo, and the proxy shell to it."""
