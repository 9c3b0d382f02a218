"""``slicer``: starts the 3D Slicer of this desk, connected to the server."""
