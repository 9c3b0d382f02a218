"""labeltui's additions to a MONAI Label server. These modules are sent to the host and run inside the server.

They run on Python 3.10 and later, and import the standard library and each other only.
"""
