"""An emulated RunPod for ``labeltui demo`` and the tests: an account, its pods and its money.

It serves REST v2 and GraphQL as published; a running pod is a real SSH server on loopback. It does not use the
rest of labeltui: the console reaches it as it reaches RunPod.
"""
