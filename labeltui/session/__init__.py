"""An annotation session: supervised sources, the store of what they learnt, and what can be done."""
