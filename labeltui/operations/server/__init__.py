"""Actions on the MONAI Label server: install it, start it, stop it, read its log."""
