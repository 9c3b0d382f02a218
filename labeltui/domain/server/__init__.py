"""The MONAI Label server: its state and its models."""
