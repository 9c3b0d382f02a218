"""RunPod, emulated: an account, its pods and its money, for ``labeltui demo`` and the tests.

REST v2 and GraphQL as published; a running pod is a real SSH server on loopback. Nothing here knows the rest
of labeltui: the console reaches it as it reaches RunPod.
"""
