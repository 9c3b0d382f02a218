"""An embedded pod for ``labeltui demo`` and the tests: an SSH host with studies and a stand-in for MONAI Label.

It does not use the rest of labeltui: the console reaches the pod as it reaches any other machine.
"""
