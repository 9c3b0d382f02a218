"""An embedded pod for ``labeltui demo`` and the tests: an SSH host with studies and a stand-in MONAI Label.

Nothing here knows the rest of labeltui: the console reaches the pod as it reaches any other machine.
"""
