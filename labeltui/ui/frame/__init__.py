"""The frame around the panes: status strip, tabs, footer, layout and themes."""
