"""The installation of MONAI Label on a host: the steps, the pinned packages, and what can go wrong."""
