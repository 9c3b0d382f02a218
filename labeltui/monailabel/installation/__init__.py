"""The installation of MONAI Label on a host: steps, pinned packages, and problems with their solutions."""
