"""An emulated RunPod for ``labeltui demo`` and the tests: an account, its pods and its money.

The emulator serves the published REST v2 and GraphQL. A running pod is a real SSH server on loopback. The emulator
is independent of the console, which connects to it like to RunPod.
"""
