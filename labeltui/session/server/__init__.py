"""The MONAI Label server: its process, its log, its API, and trainings that it left behind."""
