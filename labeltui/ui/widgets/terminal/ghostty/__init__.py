"""The emulator libghostty-vt in a process of its own, so that a crash of native code ends only one pane's terminal."""
