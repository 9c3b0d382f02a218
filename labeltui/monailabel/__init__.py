"""MONAI Label as labeltui meets it: its REST, how it is installed, and how it is started."""
