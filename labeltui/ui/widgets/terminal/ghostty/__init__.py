"""The emulator libghostty-vt, in a process of its own: it is native code, and what kills it must kill one pane."""
