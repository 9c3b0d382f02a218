"""Actions on the MONAI Label server: set up, start, stop, logs, studies, training."""
