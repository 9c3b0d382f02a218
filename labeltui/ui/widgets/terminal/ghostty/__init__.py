"""The emulator libghostty-vt in a process of its own, so that a crash of native code costs one pane."""
