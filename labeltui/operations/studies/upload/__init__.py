"""``studies upload``: copies files of studies from this machine into the host's folder of studies."""
