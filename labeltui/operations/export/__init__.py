"""``labels export``: the labels on this machine as a folder, a zip file or a data set for nnU-Net."""
