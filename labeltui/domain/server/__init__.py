"""The MONAI Label server: its state and what it offers."""
