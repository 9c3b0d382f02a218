"""The container behind an emulated pod, and the proxy shell to the container."""
