"""An annotation session: supervised pollers, the store of their readings, and the parts that actions use."""
