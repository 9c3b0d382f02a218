"""The MONAI Label server: its process, its log, its API, and trainings that outlived the server."""
