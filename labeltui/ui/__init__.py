"""The console: a frame, five panes, and screens over them."""
