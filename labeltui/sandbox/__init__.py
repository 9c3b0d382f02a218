"""An embedded pod for ``labeltui demo`` and the tests: an SSH host with studies and a stand-in for MONAI Label.

The sandbox is independent of the console, which connects to the pod like to any other machine.
"""
