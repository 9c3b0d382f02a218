"""The emulated account: pods, volumes, prices, and their changes over the emulator's clock."""
